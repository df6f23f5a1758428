"""What the application has in its hands."""

from __future__ import annotations

import ssl as ssl_module
from types import TracebackType
from typing import Any, Callable, Generator, List, Mapping, Optional, Tuple, Type, TypeVar, Union, overload

from ._generated import AgentStatus, Alert, BacktestProgress, MarketData
from .core import Core, Keys
from .options import Options, Overflow, Token
from .position import Since
from .states import State
from .subscription import Subscription
from .topic import StreamInfo

F = TypeVar("F", bound=Callable[..., Any])

SinceLike = Union[Since, Tuple[str, int], Mapping[str, Any]]


class Client:
    """A client of one cluster. `tickcast.connect` makes one; it is used in the event loop in which it was connected."""

    def __init__(self, options: Options) -> None:
        self._core = Core(options)

    @property
    def state(self) -> State:
        """`closed`, `connecting`, `live`, `stale`, `draining` or `resuming`."""
        return self._core.connection.state

    @overload
    def on(self, name: str) -> Callable[[F], F]: ...
    @overload
    def on(self, name: str, handler: Callable[[Any], Any]) -> Callable[[], None]: ...
    def on(self, name: str, handler: Optional[Callable[[Any], Any]] = None) -> Any:
        """Calls the handler with each `StateChange` (`state`), `LostEvents` (`gap`), `TickcastError` (`error`), or
        `Status` and `TokenExpiring` (`notice`). One at a time and in order; a coroutine function is awaited, a plain
        function runs in a thread of its own, so that it may take its time, and must call nothing of the client: that is
        for coroutine functions.

        Returns a function that removes it; without a handler, a decorator. Raises `ValueError` for another name.
        """
        if handler is not None:
            return self._core.callbacks.add(name, handler)

        def decorate(function: F) -> F:
            self._core.callbacks.add(name, function)
            return function

        return decorate

    def market_data(self, symbols: Keys, *, overflow: Optional[Overflow] = None) -> Subscription[MarketData]:
        """Quotes of these stocks, at least one. Raises as all four: `TickcastError` `not_connected` where the client is
        closed, `ValueError` for what can't be a key."""
        return self._core.subscribe("market_data", symbols, overflow)

    def agent_status(
        self, ids: Optional[Keys] = None, *, overflow: Optional[Overflow] = None
    ) -> Subscription[AgentStatus]:
        """What these agents are doing; without `ids` all that there are and will be."""
        return self._core.subscribe("agent_status", ids, overflow)

    def backtest_progress(
        self, ids: Optional[Keys] = None, *, overflow: Optional[Overflow] = None
    ) -> Subscription[BacktestProgress]:
        """How far these backtests have come; without `ids` all that there are and will be."""
        return self._core.subscribe("backtest_progress", ids, overflow)

    def alerts(self, *, since: Optional[SinceLike] = None, overflow: Optional[Overflow] = None) -> Subscription[Alert]:
        """Alerts. `since` is `epoch` and `seq` of the last one that an earlier process had: those after it come first.
        Raises `ValueError` for `since` where this client gets alerts already."""
        return self._core.subscribe("alerts", None, overflow, None if since is None else _since(since))

    def streams(self) -> List[StreamInfo]:
        """How each stream is doing."""
        return self._core.connection.topics.streams()

    async def connect(self) -> None:
        """Connects a client that is closed; it begins with nothing. Raises the final `TickcastError`."""
        self._core.connection.start()
        try:
            await self._core.connection.connected()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Ends all subscriptions and the connection."""
        await self._core.close()


class Connecting:
    """What `connect` returns: `async with` it, or await it and close the client yourself."""

    def __init__(self, options: Options) -> None:
        self.client = Client(options)
        """Not yet connected."""

    @overload
    def on(self, name: str) -> Callable[[F], F]: ...
    @overload
    def on(self, name: str, handler: Callable[[Any], Any]) -> Callable[[], None]: ...
    def on(self, name: str, handler: Optional[Callable[[Any], Any]] = None) -> Any:
        """As `Client.on`, for handlers that are to hear of the first attempts too."""
        return self.client.on(name) if handler is None else self.client.on(name, handler)

    def __await__(self) -> Generator[Any, None, Client]:
        return self._connect().__await__()

    async def __aenter__(self) -> Client:
        return await self._connect()

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.client.close()

    async def _connect(self) -> Client:
        await self.client.connect()
        return self.client


def connect(
    url: str,
    *,
    token: Token,
    max_attempts: float = 5,
    ping_interval: float = 10.0,
    backoff: Tuple[float, float] = (0.5, 20.0),
    healthy_after: float = 30.0,
    lang: str = "en",
    ssl: Optional[ssl_module.SSLContext] = None,
) -> Connecting:
    """Connects to a cluster: `async with tickcast.connect(url, token=token) as client`, which begins when it is live.

    `token` is a text, or a function (a coroutine function too) that gives one, which is asked again before it expires;
    a plain function runs in a thread. After a failure it comes back up to `max_attempts` times in a row (`math.inf`:
    always), after a random time below `backoff[0]` seconds, doubling up to `backoff[1]`; `healthy_after` seconds of
    being live begin the count anew. `lang` is the language of the server's errors, `en` or `zh`.

    Raises `ValueError` for options that can't be; entering raises the `TickcastError` with which it gave up.
    """
    return Connecting(Options(url, token, max_attempts, ping_interval, backoff, healthy_after, lang, ssl))


def _since(since: SinceLike) -> Since:
    given: Any = (since.get("epoch"), since.get("seq")) if isinstance(since, Mapping) else since
    try:
        epoch, seq = given
        if not isinstance(epoch, str) or not isinstance(seq, int):
            raise TypeError("of other types")
    except (TypeError, ValueError) as error:
        detail = "since needs an epoch (a text) and a seq (an integer): those of an alert that came"
        raise ValueError(detail) from error
    return Since(epoch, seq)
