"""What a client can be told about how to behave."""

from __future__ import annotations

import math
import ssl as ssl_module
from dataclasses import dataclass, field
from typing import Awaitable, Callable, Dict, Literal, Optional, Tuple, Union
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]


def _check_limit(limit: int) -> None:
    if limit < 1:
        raise ValueError("limit must be 1 or more")


@dataclass(frozen=True)
class Buffer:
    """Overflow: when `limit` events wait, the oldest is dropped, and the application is told."""

    limit: int = 1000

    def __post_init__(self) -> None:
        _check_limit(self.limit)


@dataclass(frozen=True)
class Error:
    """Overflow: when `limit` events wait, the subscription ends with the error `slow_consumer`."""

    limit: int = 10_000

    def __post_init__(self) -> None:
        _check_limit(self.limit)


# "latest": of each stream the newest event stands for those that waited before it.
Overflow = Union[Literal["latest"], Buffer, Error]

DEFAULT_OVERFLOW: Dict[str, Overflow] = {
    "market_data": "latest",
    "agent_status": Buffer(),
    "backtest_progress": "latest",
    "alerts": Error(),
}


@dataclass(frozen=True)
class Options:
    """The options of a client; times in seconds."""

    # Either may be a secret.
    url: str = field(repr=False)
    token: Token = field(repr=False)
    max_attempts: float = 5
    ping_interval: float = 10.0
    backoff: Tuple[float, float] = (0.5, 20.0)
    healthy_after: float = 30.0
    lang: str = "en"
    ssl: Optional[ssl_module.SSLContext] = None

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname or parts.port == 0:
            raise ValueError("url must be the endpoint, for example ws://localhost:8001/api/v1/websocket")
        if self.ssl is not None and parts.scheme == "ws":
            raise ValueError("ssl is for a url that begins with wss:")
        if not isinstance(self.token, str) and not callable(self.token):
            raise TypeError("token must be a text, or a function that gives one")
        first, most = self.backoff
        if not 0 < first <= most < math.inf:
            raise ValueError("backoff must be two times in seconds, the first and the longest, for example (0.5, 20.0)")
        if not 0 < self.ping_interval < math.inf:
            raise ValueError("ping_interval must be a time in seconds above 0")
        if not self.max_attempts >= 0:
            raise ValueError("max_attempts must be a number from 0; math.inf never gives up")
        if not self.healthy_after >= 0:
            raise ValueError("healthy_after must be a time in seconds")

    @property
    def shown_url(self) -> str:
        """The URL as it may be logged: without what may be secret."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))

    def url_with(self, seat: Optional[str]) -> str:
        """The URL to connect to; a secret when there is a seat."""
        parts = urlsplit(self.url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        query["lang"] = self.lang
        if seat is not None:
            query["seat"] = seat
        return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def check_overflow(overflow: Optional[Overflow], channel: str) -> Overflow:
    """The overflow to use; the channel's own where none is given. Raises `ValueError`."""
    if overflow is None:
        return DEFAULT_OVERFLOW[channel]
    if isinstance(overflow, (Buffer, Error)) or overflow == "latest":
        return overflow
    raise ValueError("overflow must be 'latest', tickcast.Buffer(limit) or tickcast.Error(limit)")
