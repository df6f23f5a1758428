"""What the application iterates over."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import AsyncIterator, Generic, Optional, Type, TypeVar

from .feed import Feed

E = TypeVar("E")


class Subscription(Generic[E], AsyncIterator[E]):
    """Events as they come, from the call on that made it.

    `async for event in client.market_data([...])` ends the subscription where the loop ends, in whatever way. With
    `async with client.market_data([...]) as quotes` it lasts as long as the block, however many loops are in it, and is
    confirmed by the server when the block begins.

    Iterating raises `TickcastError` where the server refused it or the connection ended for good, after the events that
    wait, and stops when the client is closed.
    """

    def __init__(self, feed: Feed[E]) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._has_block = False

    async def ready(self) -> None:
        """Returns when the server has confirmed all of it. Raises `TickcastError` where it refused."""
        await self._feed.ready()

    def close(self) -> None:
        """Ends it quietly, also what waits."""
        self._feed.close()

    async def __aenter__(self) -> Subscription[E]:
        self._has_block = True
        try:
            await self._feed.ready()
        except BaseException:
            self.close()
            raise
        return self

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __aiter__(self) -> AsyncIterator[E]:
        return self if self._has_block else _Loop(self, self._feed, self._loop)

    async def __anext__(self) -> E:
        """Cancelling it loses no event, so it can be given a time limit."""
        return await self._feed.queue.get()

    def __del__(self) -> None:
        _abandon(self._feed, self._loop)


class _Loop(AsyncIterator[E]):
    """One `async for`: the subscription ends with it."""

    def __init__(self, subscription: Subscription[E], feed: Feed[E], loop: asyncio.AbstractEventLoop) -> None:
        self._subscription = subscription
        self._feed = feed
        self._loop = loop

    async def __anext__(self) -> E:
        try:
            return await self._subscription.__anext__()
        except BaseException:
            self._feed.close()
            raise

    def __del__(self) -> None:
        # A `break` tells nobody, it only drops this.
        _abandon(self._feed, self._loop)


def _abandon(feed: Feed[E], loop: asyncio.AbstractEventLoop) -> None:
    # Whoever collects garbage may be in another thread.
    if not feed.queue.ended and not loop.is_closed():
        loop.call_soon_threadsafe(feed.close)
