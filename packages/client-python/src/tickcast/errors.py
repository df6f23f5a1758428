"""What goes wrong, for programs and for people."""

from __future__ import annotations

from typing import Optional, cast

from ._generated import ErrorCode, ErrorFrame


class TickcastError(Exception):
    """Anything that went wrong.

    The exception that led here, where there is one, is the `__cause__`.
    """

    code: ErrorCode
    """One of the server's (PROTOCOL.md, section 9) or of the client's own (CLIENTS.md, section 7)."""
    detail: str
    """For people: what happened, and where something can be done, what."""
    close_code: Optional[int]
    """Of the close frame that ended the connection; 1006 when there was none."""
    status: Optional[int]
    """The HTTP status of a refused handshake."""
    retry_after: Optional[float]
    """Seconds before which a retry is pointless, as the server said."""

    def __init__(
        self,
        code: ErrorCode,
        detail: str,
        *,
        close_code: Optional[int] = None,
        status: Optional[int] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.close_code = close_code
        self.status = status
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


def caused_by(error: TickcastError, cause: Optional[BaseException]) -> TickcastError:
    """The error with its cause, for errors that are told and not raised."""
    error.__cause__ = cause
    return error


def server_error(
    said: ErrorFrame, *, close_code: Optional[int] = None, retry_after: Optional[float] = None
) -> TickcastError:
    """What the server said, as an exception."""
    return TickcastError(cast(ErrorCode, said.error), said.detail, close_code=close_code, retry_after=retry_after)
