"""Functions of the application that are told things: one thing at a time, in order, and nobody waits for them."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Deque, Dict, List, Optional, Set

from .errors import TickcastError
from .log import log

_MOST_WAITING = 10_000
# What handlers get to end what they are at when the client is closed.
_GRACE = 2.0

OnFailure = Callable[[TickcastError], None]


class Caller:
    """Calls a function: a coroutine function is awaited in the loop, a plain one runs in a thread of its own."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._executor: Optional[ThreadPoolExecutor] = None

    async def call(self, item: Any) -> None:
        """Raises `TickcastError` `handler_failed` where the function raises."""
        try:
            if inspect.iscoroutinefunction(self._function):
                await self._function(item)
                return
            if self._executor is None:
                self._executor = ThreadPoolExecutor(1, thread_name_prefix="tickcast-callback")
            result = await asyncio.get_running_loop().run_in_executor(self._executor, self._function, item)
            # A lambda or an object may make a coroutine.
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            raise TickcastError("handler_failed", f"{self._function!r} raised {error!r}") from error

    def rest(self) -> None:
        """Keeps no thread while there is nothing to do."""
        if self._executor is not None:
            self._executor.shutdown(wait=False)
            self._executor = None


class Callback:
    """A function and what waits for it."""

    def __init__(self, function: Callable[..., Any], on_failure: OnFailure) -> None:
        self._caller = Caller(function)
        self._name = repr(function)
        self._on_failure = on_failure
        self._waiting: Deque[Any] = deque()
        self._task: Optional[asyncio.Task[None]] = None

    @property
    def task(self) -> Optional[asyncio.Task[None]]:
        """Handing on what waits; None when nothing does."""
        return self._task

    def put(self, item: Any) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting.popleft()
            log.warning("%s is too slow: the oldest of %d that wait for it is dropped", self._name, _MOST_WAITING)
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._hand_on())

    def forget(self) -> None:
        """Ends what it is at, and gets no more."""
        self._waiting.clear()

    def stop(self) -> None:
        self.forget()
        if self._task is not None:
            self._task.cancel()

    async def _hand_on(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._caller.call(self._waiting.popleft())
                except TickcastError as failure:
                    self._on_failure(failure)
        finally:
            self._task = None
            self._caller.rest()


class Callbacks:
    """Those of a client, by what they are told."""

    def __init__(self, names: Set[str]) -> None:
        self._callbacks: Dict[str, List[Callback]] = {name: [] for name in names}
        self._removed: List[Callback] = []

    def add(self, name: str, function: Callable[..., Any]) -> Callable[[], None]:
        """Returns a function that removes it. Raises `ValueError` for a name that there is not."""
        callbacks = self._callbacks.get(name)
        if callbacks is None:
            raise ValueError(f"there is nothing called {name!r} to be told: use {', '.join(sorted(self._callbacks))}")
        if not callable(function):
            raise TypeError("a handler must be a function")
        callback = Callback(function, self.failed if name != "error" else log_failure)
        callbacks.append(callback)

        def remove() -> None:
            if callback in callbacks:
                callbacks.remove(callback)
                callback.forget()
                self._removed = [each for each in [*self._removed, callback] if each.task is not None]

        return remove

    def tell(self, name: str, item: Any) -> None:
        for callback in list(self._callbacks[name]):
            callback.put(item)

    async def finish(self) -> None:
        await finish([*self._removed, *(callback for several in self._callbacks.values() for callback in several)])

    def failed(self, failure: TickcastError) -> None:
        """A handler raised."""
        log_failure(failure)
        self.tell("error", failure)


def log_failure(failure: TickcastError) -> None:
    log.error("%s", failure, exc_info=failure.__cause__)


async def finish(callbacks: List[Callback]) -> None:
    """Lets them end what waits, for 2 s; whoever calls this from one of them is not waited for."""
    current = asyncio.current_task()
    tasks = [task for task in (callback.task for callback in callbacks) if task is not None and task is not current]
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE)
    for callback in callbacks:
        if callback.task is not current:
            callback.stop()
    if tasks:
        await asyncio.wait(tasks, timeout=_GRACE)
