"""What the end of a connection means, and what is done about it; CLIENTS.md, section 3."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Tuple

from ._generated import CLOSE_ACTIONS, ErrorCode, ErrorFrame
from .errors import TickcastError, server_error
from .link import LinkClosedError


class Ending(NamedTuple):
    """Why a connection ended."""

    error: TickcastError
    action: str
    """`at_once`, `backoff`, `new_token` or `never`."""
    after: float
    """Seconds before which coming back is pointless."""


# Errors of the server that come with a close; which of them a close goes with.
CLOSING_ERRORS: Dict[str, Tuple[int, ...]] = {
    "authentication_failed": (4401,),
    "token_expired": (4401,),
    "rate_limited": (4429,),
    "connection_limit_exceeded": (1013,),
    "message_too_large": (1009,),
    "idle_timeout": (4408,),
    "slow_consumer": (4410,),
    "draining": (1012,),
    "backplane_unavailable": (1013,),
}

# Where the server did not say.
_CODES: Dict[int, ErrorCode] = {
    1003: "protocol_violated",
    1009: "protocol_violated",
    4401: "authentication_failed",
    4409: "seat_taken_over",
    4410: "slow_consumer",
}

_TOO_FAST = 4429
_TOO_FAST_WAIT = 5.0


def ending_of(closed: LinkClosedError, last_error: Optional[ErrorFrame], after: float) -> Ending:
    """`after`: what is left of the time to wait that the last error named."""
    if closed.code == _TOO_FAST:
        after = max(after, _TOO_FAST_WAIT)
    if last_error is not None and closed.code in CLOSING_ERRORS[last_error.error]:
        error = server_error(last_error, close_code=closed.code, retry_after=after or None)
    else:
        code = _CODES.get(closed.code, "connection_lost")
        detail = f"the connection ended with close {closed.code} {closed.reason}".rstrip()
        error = TickcastError(code, detail, close_code=closed.code, retry_after=after or None)
    error.__cause__ = closed
    return Ending(error, CLOSE_ACTIONS.get(closed.code, "backoff"), after)
