# Generated from packages/protocol by `npm run generate`. Do not edit.
"""What a server sends: a class for each frame, and the tables a client needs."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple, Union


def _take(frame: Mapping[str, Any], name: str, kind: str, required: bool) -> Any:
    value: Any = frame.get(name)
    if value is None and not required:
        return None
    if kind == "float":
        fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _LARGEST
    elif kind == "int":
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53
    else:
        fits = isinstance(value, _KINDS[kind])
    if value is None or not fits:
        raise ValueError(f"{name} must be {_NAMES[kind]}, and is {value!r:.60}")
    return float(value) if kind == "float" else value


_LARGEST = sys.float_info.max
_KINDS: Dict[str, type] = {"str": str, "bool": bool, "dict": dict, "list": list, "object": object}
_NAMES = {
    "str": "a text",
    "bool": "true or false",
    "dict": "an object",
    "list": "an array",
    "float": "a number",
    "int": "an integer from 0",
    "object": "a value",
}


@dataclass(frozen=True)
class Quote:
    """The `data` of a MarketData."""

    timestamp: float
    """When the quote was made, Unix seconds."""
    price: float
    """The last price."""
    volume: float
    """Shares traded in the day."""
    open: Optional[float] = None
    """The first price of the day."""
    high: Optional[float] = None
    """The highest price of the day."""
    low: Optional[float] = None
    """The lowest price of the day."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Quote:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            timestamp=_take(frame, "timestamp", "float", True),
            price=_take(frame, "price", "float", True),
            volume=_take(frame, "volume", "float", True),
            open=_take(frame, "open", "float", False),
            high=_take(frame, "high", "float", False),
            low=_take(frame, "low", "float", False),
        )


@dataclass(frozen=True)
class MarketData:
    """A quote of one stock; open, high, low and volume are those of the trading day so far. As pushed to clients."""

    channel = "market_data"

    symbol: str
    """A symbol, agent id or backtest id in normal form."""
    data: Quote
    seq: Optional[int] = None
    """The number of an event in its stream; the first of an epoch is 1."""
    published_at: Optional[float] = None
    """Unix time in seconds, with fractions."""
    snapshot: bool = False
    """The last known value, sent on subscribing."""
    conflated: int = 0
    """How many older events of this stream were merged into this one."""
    recovered: bool = False
    """Sent because of `since`: an event from the log, or the last value."""
    lost: Optional[int] = None
    """How many events before this one could not be delivered; null where that can’t be known."""
    epoch: Optional[str] = None
    """The run of numbering that `seq` belongs to, where it is known."""
    raw: str = field(default="", repr=False, compare=False)
    """The frame as it came."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any], epoch: Optional[str] = None, raw: str = "") -> MarketData:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            symbol=_take(frame, "symbol", "str", True),
            data=Quote.from_frame(_take(frame, "data", "dict", True)),
            seq=_take(frame, "seq", "int", False),
            published_at=_take(frame, "published_at", "float", False),
            snapshot=_take(frame, "snapshot", "bool", False) or False,
            conflated=_take(frame, "conflated", "int", False) or 0,
            recovered=_take(frame, "recovered", "bool", False) or False,
            lost=_take(frame, "lost", "int", False),
            epoch=epoch,
            raw=raw,
        )


@dataclass(frozen=True)
class AgentState:
    """The `data` of a AgentStatus."""

    status: str
    """What the agent is doing, for example `running`."""
    cpu_usage: float
    """Percent of one core."""
    memory_usage: float
    """Megabytes."""
    task_queue_size: float
    """Tasks waiting."""
    last_update: float
    """When the agent last reported, Unix seconds."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> AgentState:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            status=_take(frame, "status", "str", True),
            cpu_usage=_take(frame, "cpu_usage", "float", True),
            memory_usage=_take(frame, "memory_usage", "float", True),
            task_queue_size=_take(frame, "task_queue_size", "float", True),
            last_update=_take(frame, "last_update", "float", True),
        )


@dataclass(frozen=True)
class AgentStatus:
    """The state of one agent. As pushed to clients."""

    channel = "agent_status"

    agent_id: str
    """A symbol, agent id or backtest id in normal form."""
    data: AgentState
    seq: Optional[int] = None
    """The number of an event in its stream; the first of an epoch is 1."""
    published_at: Optional[float] = None
    """Unix time in seconds, with fractions."""
    snapshot: bool = False
    """The last known value, sent on subscribing."""
    conflated: int = 0
    """How many older events of this stream were merged into this one."""
    recovered: bool = False
    """Sent because of `since`: an event from the log, or the last value."""
    lost: Optional[int] = None
    """How many events before this one could not be delivered; null where that can’t be known."""
    epoch: Optional[str] = None
    """The run of numbering that `seq` belongs to, where it is known."""
    raw: str = field(default="", repr=False, compare=False)
    """The frame as it came."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any], epoch: Optional[str] = None, raw: str = "") -> AgentStatus:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            agent_id=_take(frame, "agent_id", "str", True),
            data=AgentState.from_frame(_take(frame, "data", "dict", True)),
            seq=_take(frame, "seq", "int", False),
            published_at=_take(frame, "published_at", "float", False),
            snapshot=_take(frame, "snapshot", "bool", False) or False,
            conflated=_take(frame, "conflated", "int", False) or 0,
            recovered=_take(frame, "recovered", "bool", False) or False,
            lost=_take(frame, "lost", "int", False),
            epoch=epoch,
            raw=raw,
        )


@dataclass(frozen=True)
class BacktestState:
    """The `data` of a BacktestProgress."""

    progress: float
    """From 0 to 1."""
    current_date: str
    """The simulated date."""
    total_days: float
    """Days to simulate."""
    completed_days: float
    """Days simulated."""
    estimated_remaining: float
    """Seconds to go."""
    status: Optional[str] = None
    """`completed`, `failed` and `cancelled` are final."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> BacktestState:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            progress=_take(frame, "progress", "float", True),
            current_date=_take(frame, "current_date", "str", True),
            total_days=_take(frame, "total_days", "float", True),
            completed_days=_take(frame, "completed_days", "float", True),
            estimated_remaining=_take(frame, "estimated_remaining", "float", True),
            status=_take(frame, "status", "str", False),
        )


@dataclass(frozen=True)
class BacktestProgress:
    """How far one backtest has come. As pushed to clients."""

    channel = "backtest_progress"

    backtest_id: str
    """A symbol, agent id or backtest id in normal form."""
    data: BacktestState
    seq: Optional[int] = None
    """The number of an event in its stream; the first of an epoch is 1."""
    published_at: Optional[float] = None
    """Unix time in seconds, with fractions."""
    snapshot: bool = False
    """The last known value, sent on subscribing."""
    conflated: int = 0
    """How many older events of this stream were merged into this one."""
    recovered: bool = False
    """Sent because of `since`: an event from the log, or the last value."""
    lost: Optional[int] = None
    """How many events before this one could not be delivered; null where that can’t be known."""
    epoch: Optional[str] = None
    """The run of numbering that `seq` belongs to, where it is known."""
    raw: str = field(default="", repr=False, compare=False)
    """The frame as it came."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any], epoch: Optional[str] = None, raw: str = "") -> BacktestProgress:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            backtest_id=_take(frame, "backtest_id", "str", True),
            data=BacktestState.from_frame(_take(frame, "data", "dict", True)),
            seq=_take(frame, "seq", "int", False),
            published_at=_take(frame, "published_at", "float", False),
            snapshot=_take(frame, "snapshot", "bool", False) or False,
            conflated=_take(frame, "conflated", "int", False) or 0,
            recovered=_take(frame, "recovered", "bool", False) or False,
            lost=_take(frame, "lost", "int", False),
            epoch=epoch,
            raw=raw,
        )


@dataclass(frozen=True)
class AlertDetails:
    """The `data` of a Alert."""

    level: str
    """How grave it is, for example `warning`."""
    message: str
    """What happened."""
    timestamp: float
    """When it happened, Unix seconds."""
    source: str
    """Who noticed."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> AlertDetails:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            level=_take(frame, "level", "str", True),
            message=_take(frame, "message", "str", True),
            timestamp=_take(frame, "timestamp", "float", True),
            source=_take(frame, "source", "str", True),
        )


@dataclass(frozen=True)
class Alert:
    """A system alert. As pushed to clients."""

    channel = "alerts"

    data: AlertDetails
    seq: Optional[int] = None
    """The number of an event in its stream; the first of an epoch is 1."""
    published_at: Optional[float] = None
    """Unix time in seconds, with fractions."""
    snapshot: bool = False
    """The last known value, sent on subscribing."""
    conflated: int = 0
    """How many older events of this stream were merged into this one."""
    recovered: bool = False
    """Sent because of `since`: an event from the log, or the last value."""
    lost: Optional[int] = None
    """How many events before this one could not be delivered; null where that can’t be known."""
    epoch: Optional[str] = None
    """The run of numbering that `seq` belongs to, where it is known."""
    raw: str = field(default="", repr=False, compare=False)
    """The frame as it came."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any], epoch: Optional[str] = None, raw: str = "") -> Alert:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            data=AlertDetails.from_frame(_take(frame, "data", "dict", True)),
            seq=_take(frame, "seq", "int", False),
            published_at=_take(frame, "published_at", "float", False),
            snapshot=_take(frame, "snapshot", "bool", False) or False,
            conflated=_take(frame, "conflated", "int", False) or 0,
            recovered=_take(frame, "recovered", "bool", False) or False,
            lost=_take(frame, "lost", "int", False),
            epoch=epoch,
            raw=raw,
        )


@dataclass(frozen=True)
class Subscribed:
    """The reply to `subscribe`."""

    channel: str
    """The name of a channel."""
    recovered: bool
    """Whether `since` was honoured; false when it was not given."""
    count: int
    """How many subscriptions the connection now has."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""
    key: Optional[str] = None
    """The key of the stream in normal form; null where the subscription has none."""
    epoch: Optional[str] = None
    """Null where the subscription covers many streams."""
    seq: Optional[int] = None
    """The last number given in this epoch, 0 before the first; null where there are many streams."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Subscribed:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            channel=_take(frame, "channel", "str", True),
            recovered=_take(frame, "recovered", "bool", True),
            count=_take(frame, "count", "int", True),
            id=_take(frame, "id", "object", False),
            key=_take(frame, "key", "str", False),
            epoch=_take(frame, "epoch", "str", False),
            seq=_take(frame, "seq", "int", False),
        )


@dataclass(frozen=True)
class SubscribedMany:
    """The reply to `subscribe` with `symbols`: each symbol succeeds or fails by itself."""

    channel: str
    """The name of a channel."""
    results: List[Any]
    """One for each of `symbols`, in their order."""
    count: int
    """How many subscriptions the connection now has."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> SubscribedMany:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            channel=_take(frame, "channel", "str", True),
            results=_take(frame, "results", "list", True),
            count=_take(frame, "count", "int", True),
            id=_take(frame, "id", "object", False),
        )


@dataclass(frozen=True)
class Unsubscribed:
    """The reply to `unsubscribe`, whether or not the subscription existed."""

    channel: str
    """The name of a channel."""
    count: int
    """How many subscriptions the connection now has."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""
    key: Optional[str] = None
    """The key of the stream in normal form; null where the subscription has none."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Unsubscribed:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            channel=_take(frame, "channel", "str", True),
            count=_take(frame, "count", "int", True),
            id=_take(frame, "id", "object", False),
            key=_take(frame, "key", "str", False),
        )


@dataclass(frozen=True)
class Pong:
    """The reply to `ping`."""

    server_time: float
    """Unix time in seconds, with fractions."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""
    timestamp: Optional[float] = None
    """As given in `ping`; absent when it was."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Pong:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            server_time=_take(frame, "server_time", "float", True),
            id=_take(frame, "id", "object", False),
            timestamp=_take(frame, "timestamp", "float", False),
        )


@dataclass(frozen=True)
class Limits:
    """The limits in force."""

    connections: float
    """Seats over the whole cluster."""
    subscriptions: float
    """Subscriptions a connection."""
    messages_per_second: float
    """Client messages a second, and the size of the bucket."""
    message_bytes: float
    """Bytes of one client message."""
    idle_seconds: float
    """Seconds without activity before the connection is closed."""
    market_data_per_second: float
    """Frames of one symbol in any second."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Limits:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            connections=_take(frame, "connections", "float", True),
            subscriptions=_take(frame, "subscriptions", "float", True),
            messages_per_second=_take(frame, "messages_per_second", "float", True),
            message_bytes=_take(frame, "message_bytes", "float", True),
            idle_seconds=_take(frame, "idle_seconds", "float", True),
            market_data_per_second=_take(frame, "market_data_per_second", "float", True),
        )


@dataclass(frozen=True)
class Welcome:
    """The reply to `hello`."""

    seat: str
    """The seat id. A secret: whoever has it and a token of the same user has the seat."""
    node: str
    """The name of the node, for support."""
    server_time: float
    """Unix time in seconds, with fractions."""
    limits: Limits
    """The limits in force."""
    expires_at: float
    """When the token expires, Unix seconds."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Welcome:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            seat=_take(frame, "seat", "str", True),
            node=_take(frame, "node", "str", True),
            server_time=_take(frame, "server_time", "float", True),
            limits=Limits.from_frame(_take(frame, "limits", "dict", True)),
            expires_at=_take(frame, "expires_at", "float", True),
            id=_take(frame, "id", "object", False),
        )


@dataclass(frozen=True)
class Authenticated:
    """The reply to `auth`."""

    expires_at: float
    """When the token expires, Unix seconds."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Authenticated:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            expires_at=_take(frame, "expires_at", "float", True),
            id=_take(frame, "id", "object", False),
        )


@dataclass(frozen=True)
class Subscriptions:
    """The reply to `list`."""

    subscriptions: List[Any]
    count: int
    """How many subscriptions the connection now has."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Subscriptions:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            subscriptions=_take(frame, "subscriptions", "list", True),
            count=_take(frame, "count", "int", True),
            id=_take(frame, "id", "object", False),
        )


@dataclass(frozen=True)
class Gap:
    """Events of this stream are missing and will not come by themselves. Only to clients that opted in."""

    channel: str
    """The name of a channel."""
    recoverable: bool
    """Whether subscribing again with `since` can still bring them."""
    key: Optional[str] = None
    """The key of the stream in normal form; null where the subscription has none."""
    epoch: Optional[str] = None
    """The epoch in which `from` and `to` count."""
    from_: Optional[int] = None
    """The first number that may be missing."""
    to: Optional[int] = None
    """The last number that may be missing; null where it can’t be known, across a change of epoch."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Gap:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            channel=_take(frame, "channel", "str", True),
            recoverable=_take(frame, "recoverable", "bool", True),
            key=_take(frame, "key", "str", False),
            epoch=_take(frame, "epoch", "str", False),
            from_=_take(frame, "from", "int", False),
            to=_take(frame, "to", "int", False),
        )


@dataclass(frozen=True)
class Status:
    """The state of the node changed. Only to clients that opted in."""

    state: str
    """`draining`: this node is about to stop, close 1012 follows. `degraded`: Redis is out of reach, pushes may be missing. `restored`: it is back."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> Status:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            state=_take(frame, "state", "str", True),
        )


@dataclass(frozen=True)
class TokenExpiring:
    """The token ends within 60 s: send `auth` with a new one. Only to clients that opted in."""

    expires_at: float
    """When the token expires, Unix seconds."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> TokenExpiring:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            expires_at=_take(frame, "expires_at", "float", True),
        )


@dataclass(frozen=True)
class ErrorFrame:
    """A message was not understood or not allowed, or the connection is about to be closed."""

    error: str
    """What went wrong, for programs."""
    detail: str
    """What went wrong and what to do next, for people."""
    id: Optional[Union[str, int]] = None
    """Chosen by the client; the reply carries it back. Up to 64 characters, or an integer."""
    retry_after_ms: Optional[int] = None
    """Milliseconds before which a retry is pointless."""
    dropped: Optional[int] = None
    """How many errors were held back since the last one sent."""

    @classmethod
    def from_frame(cls, frame: Mapping[str, Any]) -> ErrorFrame:
        """Reads a parsed frame. Raises `ValueError` where it does not fit."""
        return cls(
            error=_take(frame, "error", "str", True),
            detail=_take(frame, "detail", "str", True),
            id=_take(frame, "id", "object", False),
            retry_after_ms=_take(frame, "retry_after_ms", "int", False),
            dropped=_take(frame, "dropped", "int", False),
        )


Push = Union[MarketData, AgentStatus, BacktestProgress, Alert]

PUSHES: Dict[str, Any] = {
    "market_data": MarketData,
    "agent_status": AgentStatus,
    "backtest_progress": BacktestProgress,
    "alerts": Alert,
}

CHANNELS: Tuple[str, ...] = ("market_data", "agent_status", "backtest_progress", "alerts")

# The field of a push that holds the key of its stream.
KEY_FIELDS: Dict[str, Optional[str]] = {
    "market_data": "symbol",
    "agent_status": "agent_id",
    "backtest_progress": "backtest_id",
    "alerts": None,
}

# What a server sends as `error`, and what a client finds by itself.
ServerErrorCode = Literal[
    "invalid_message_format",
    "unsupported_message_type",
    "authentication_failed",
    "invalid_parameters",
    "unsupported_channel",
    "symbol_required",
    "forbidden",
    "subscription_limit_exceeded",
    "rate_limited",
    "connection_limit_exceeded",
    "message_too_large",
    "token_expired",
    "idle_timeout",
    "slow_consumer",
    "draining",
    "backplane_unavailable",
]

ClientErrorCode = Literal[
    "connection_failed",
    "connection_lost",
    "no_answer",
    "handshake_refused",
    "gave_up",
    "seat_taken_over",
    "protocol_violated",
    "token_unavailable",
    "slow_consumer",
    "invalid_frame",
    "handler_failed",
    "not_connected",
]

ErrorCode = Union[ServerErrorCode, ClientErrorCode]

ERROR_CODES: Tuple[str, ...] = (
    "invalid_message_format",
    "unsupported_message_type",
    "authentication_failed",
    "invalid_parameters",
    "unsupported_channel",
    "symbol_required",
    "forbidden",
    "subscription_limit_exceeded",
    "rate_limited",
    "connection_limit_exceeded",
    "message_too_large",
    "token_expired",
    "idle_timeout",
    "slow_consumer",
    "draining",
    "backplane_unavailable",
)

# By close code: come back `at_once`, after a `backoff` (also after any other), with a `new_token`, or `never`.
CLOSE_ACTIONS: Dict[int, str] = {1003: "never", 1009: "never", 1012: "at_once", 4401: "new_token", 4409: "never"}

KEY = r"^[A-Za-z0-9.^=_-]{1,64}$"
HONG_KONG_SUFFIX = r"^0*(\d{1,5})\.HK$"
HONG_KONG_PREFIX = r"^HK\.0*(\d{1,5})$"
