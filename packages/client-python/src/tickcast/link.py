"""One socket: opening it, its text in and out, its end, and what each failure means."""

from __future__ import annotations

import asyncio
import json
import ssl as ssl_module
from contextlib import suppress
from typing import Any, Dict, Optional, Union

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from .errors import TickcastError
from .log import silent

# A frame is 64 KiB and some fields; replies are smaller.
_MAX_SIZE = 4 * 1024 * 1024
# The reader takes what is there without waiting, so this bounds only what one turn of the loop has to do.
_MAX_QUEUE = 1024
_GOODBYE = 2.0

ABNORMAL = 1006
_NO_TEXT = 1007


class LinkClosedError(Exception):
    """The connection has ended; `code` is that of the server's close frame, 1006 when there was none."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class _Connect(connect):
    def process_redirect(self, exc: Exception) -> Union[Exception, str]:
        # The token is for the server that the application named, and for no other.
        return exc


class Link:
    """An open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._writer = asyncio.get_running_loop().create_task(self._write())

    def send(self, text: str) -> None:
        """Sends after what was sent before; never waits, and does nothing once the connection has ended."""
        self._waiting.put_nowait(text)

    async def receive(self) -> Union[str, bytes]:
        """The next message; bytes of a binary one. Raises `LinkClosedError`."""
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            # Not `rcvd_then_sent`: a code of our own would say nothing of the server.
            received = closed.rcvd
            code, reason = (received.code, received.reason) if received else (ABNORMAL, str(closed))
            raise LinkClosedError(code, reason) from closed
        except UnicodeDecodeError as error:
            # websockets 13 leaves it to its user to end the connection then; later ones do it themselves.
            self.abort()
            raise LinkClosedError(_NO_TEXT, "text that is not UTF-8") from error

    async def close(self) -> None:
        """Says goodbye with 1000, and breaks off where that is not answered within 2 s."""
        try:
            await self._socket.close(1000)
        finally:
            self.abort()
        await self.ended()

    def abort(self) -> None:
        """Breaks off without a word."""
        self._writer.cancel()
        self._socket.transport.abort()

    async def ended(self) -> None:
        """Returns when nothing of it is left."""
        self.abort()
        await asyncio.wait([self._writer])

    async def _write(self) -> None:
        with suppress(ConnectionClosed):
            while True:
                await self._socket.send(await self._waiting.get())


async def open_link(url: str, token: str, *, ssl: Optional[ssl_module.SSLContext], within: float) -> Link:
    """Connects, within that many seconds. Raises `TickcastError`: `connection_failed` or `handshake_refused`."""
    more: Dict[str, Any] = {} if ssl is None else {"ssl": ssl}
    try:
        socket = await _Connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"},
            compression=None,
            open_timeout=within,
            # The heartbeat is of the protocol's own pings.
            ping_interval=None,
            close_timeout=_GOODBYE,
            max_size=_MAX_SIZE,
            max_queue=_MAX_QUEUE,
            logger=silent,
            **more,
        )
    except InvalidStatus as refused:
        raise _refused(refused) from refused
    except (OSError, asyncio.TimeoutError, EOFError, WebSocketException, NotImplementedError) as error:
        # The last is of websockets 13, for an answer in chunks: that of a balancer, whose status it does not tell.
        detail = str(error) or f"there was no answer within {within:g} s"
        raise TickcastError("connection_failed", f"the connection could not be made: {detail}") from error
    return Link(socket)


def _refused(refused: InvalidStatus) -> TickcastError:
    status = refused.response.status_code
    retry_after: Optional[float] = None
    # A date, which it may be too, is no floor: clocks differ.
    with suppress(ValueError, KeyError):
        retry_after = max(0.0, float(refused.response.headers["Retry-After"]))
    detail = f"the server refused the handshake with HTTP status {status}"
    # Of an edge; a balancer says something else, or nothing.
    with suppress(ValueError, KeyError, TypeError):
        detail += f": {json.loads(refused.response.body or b'')['detail']}"
    return TickcastError("handshake_refused", detail, status=status, retry_after=retry_after)
