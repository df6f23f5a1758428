"""The client for programs without an event loop, and for notebooks, which have one that is busy.

with tickcast.sync.connect(url, token=token) as client:
    for quote in client.market_data(["0700.HK"]):
        print(quote.symbol, quote.data.price)
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import ssl as ssl_module
import threading
from types import TracebackType
from typing import Any, AsyncIterator, Callable, Coroutine, Generic, Iterator, List, Optional, Tuple, Type, TypeVar

from . import client as asynchronous
from ._generated import AgentStatus, Alert, BacktestProgress, MarketData
from .core import Keys
from .errors import TickcastError
from .options import Overflow, Token
from .states import State
from .subscription import Subscription as AsyncSubscription
from .topic import StreamInfo

E = TypeVar("E")
T = TypeVar("T")

# Where a lock can't be interrupted, Ctrl-C waits so long at most, s.
_LOOK = 0.5


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
) -> Client:
    """Connects, and returns when the client is live. Options and errors are those of `tickcast.connect`."""
    connecting = asynchronous.connect(
        url,
        token=token,
        max_attempts=max_attempts,
        ping_interval=ping_interval,
        backoff=backoff,
        healthy_after=healthy_after,
        lang=lang,
        ssl=ssl,
    )
    thread = _LoopThread()
    try:
        thread.run(connecting.client.connect())
    except BaseException:
        thread.stop()
        raise
    return Client(thread, connecting.client)


class Client:
    """As `tickcast.Client`, which runs in a thread of its own; used from any other thread."""

    def __init__(self, thread: _LoopThread, client: asynchronous.Client) -> None:
        self._thread = thread
        self._client = client

    @property
    def state(self) -> State:
        return self._client.state

    def on(self, name: str, handler: Callable[[Any], Any]) -> Callable[[], None]:
        """As `tickcast.Client.on`. A handler may use this client, but not close it."""

        def add() -> Callable[[], None]:
            return self._client.on(name, handler)

        remove = self._thread.call(add)
        return lambda: self._thread.call_if_running(remove)

    def market_data(self, symbols: Keys, *, overflow: Optional[Overflow] = None) -> Subscription[MarketData]:
        return self._subscribe(lambda: self._client.market_data(symbols, overflow=overflow))

    def agent_status(
        self, ids: Optional[Keys] = None, *, overflow: Optional[Overflow] = None
    ) -> Subscription[AgentStatus]:
        return self._subscribe(lambda: self._client.agent_status(ids, overflow=overflow))

    def backtest_progress(
        self, ids: Optional[Keys] = None, *, overflow: Optional[Overflow] = None
    ) -> Subscription[BacktestProgress]:
        return self._subscribe(lambda: self._client.backtest_progress(ids, overflow=overflow))

    def alerts(
        self, *, since: Optional[asynchronous.SinceLike] = None, overflow: Optional[Overflow] = None
    ) -> Subscription[Alert]:
        return self._subscribe(lambda: self._client.alerts(since=since, overflow=overflow))

    def streams(self) -> List[StreamInfo]:
        return self._thread.call(self._client.streams)

    def close(self) -> None:
        """Ends all subscriptions, the connection and its thread. Does nothing when it was closed before."""
        try:
            self._thread.run(self._client.close())
        except TickcastError as error:
            # Another thread closed it first.
            if error.code != "not_connected":
                raise
        finally:
            self._thread.stop()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def _subscribe(self, make: Callable[[], AsyncSubscription[E]]) -> Subscription[E]:
        return Subscription(self._thread, self._thread.call(make))


class Subscription(Generic[E]):
    """As `tickcast.Subscription`, with `for` and `with`."""

    def __init__(self, thread: _LoopThread, subscription: AsyncSubscription[E]) -> None:
        self._thread = thread
        self._subscription = subscription

    def ready(self) -> None:
        self._thread.run(self._subscription.ready())

    def close(self) -> None:
        self._thread.call_if_running(self._subscription.close)

    def __enter__(self) -> Subscription[E]:
        self._thread.run(self._subscription.__aenter__())
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[E]:
        events = self._subscription.__aiter__()
        while True:
            try:
                event = self._thread.run(_next(events))
            except TickcastError as error:
                # What was closed in another thread ends quietly.
                if error.code == "not_connected":
                    return
                raise
            if event is None:
                return
            yield event


async def _next(events: AsyncIterator[E]) -> Optional[E]:
    try:
        return await events.__anext__()
    except StopAsyncIteration:
        return None


class _LoopThread:
    """An event loop that runs in a thread; a program that ends does not wait for it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._has_stopped = False
        self._thread = threading.Thread(target=self._run, name="tickcast", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """What the coroutine returns or raises. It is cancelled where the waiting is interrupted, by Ctrl-C.

        Raises `TickcastError` `not_connected` where the loop has ended, or ends meanwhile.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            raise RuntimeError("this would wait for itself: use the client from another thread than its own")
        # What is given to the loop before its end is run or cancelled; after it, nobody would.
        with self._lock:
            if self._has_stopped:
                coroutine.close()
                raise _closed()
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            while not future.done():
                concurrent.futures.wait([future], timeout=_LOOK)
            return future.result()
        except concurrent.futures.CancelledError:
            raise _closed() from None
        except BaseException:
            future.cancel()
            raise

    def call(self, function: Callable[[], T]) -> T:
        """What the function returns or raises, which runs in the loop."""

        async def called() -> T:
            return function()

        return self.run(called())

    def call_if_running(self, function: Callable[[], Any]) -> None:
        """Once the loop has ended there is nothing to be done."""
        try:
            self.call(function)
        except TickcastError as error:
            if error.code != "not_connected":
                raise

    def stop(self) -> None:
        with self._lock:
            if not self._has_stopped:
                self._has_stopped = True
                self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            tasks = asyncio.all_tasks(self._loop)
            for task in tasks:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()


def _closed() -> TickcastError:
    return TickcastError("not_connected", "the client is closed: connect anew")
