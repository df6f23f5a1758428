"""One subscription of the application: what it covers, and what waits for it."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Generic, Optional, Set, Tuple, TypeVar, cast

from ._generated import Push
from .errors import TickcastError
from .event_queue import EventQueue
from .log import log

E = TypeVar("E")


class Feed(Generic[E]):
    """Has no reference to the `Subscription` that reads it, so that one that is dropped can end it."""

    def __init__(
        self, channel: str, keys: Tuple[Optional[str], ...], queue: EventQueue[E], leave: Callable[[Feed[Any]], None]
    ) -> None:
        self.channel = channel
        self.keys = keys
        self.queue = queue
        self._leave = leave
        self._unconfirmed: Set[Optional[str]] = set(keys)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    async def ready(self) -> None:
        """Returns when the server has confirmed all of it. Raises `TickcastError` where it refused."""
        await asyncio.shield(self._ready)

    def confirmed(self, key: Optional[str]) -> None:
        self._unconfirmed.discard(key)
        if not self._unconfirmed and not self._ready.done():
            self._ready.set_result(None)

    def deliver(self, stream: Optional[str], event: Push) -> None:
        try:
            self.queue.put(stream, cast(E, event))
        except TickcastError as full:
            self.end(full)

    def close(self) -> None:
        """The application wants nothing any more, not even what waits."""
        self.end()
        self.queue.clear()

    def end(self, error: Optional[TickcastError] = None) -> None:
        """What waits can still be read. Does nothing when it has ended."""
        if self._ended:
            return
        self._ended = True
        log.debug("a subscription to %s ends%s", self.channel, f" with {error.code}" if error else "")
        self.queue.end(error)
        if not self._ready.done():
            self._ready.set_exception(error or TickcastError("not_connected", "the subscription was closed"))
            # It need not be waited for.
            self._ready.exception()
        self._leave(self)
