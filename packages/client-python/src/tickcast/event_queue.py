"""What waits between the reader and the application; the rules are those of CLIENTS.md, section 6."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from dataclasses import replace
from typing import Any, Callable, Deque, Dict, Generic, Optional, Protocol, Tuple, TypeVar

from ._generated import Push
from .errors import TickcastError
from .options import Buffer, Error, Overflow

E = TypeVar("E")

Lose = Callable[[Any], None]


class EventQueue(Generic[E]):
    """Events of several streams, for one reader or callback. Putting never waits."""

    def __init__(self, overflow: Overflow, lose: Lose) -> None:
        """`lose` is called with each event that is dropped."""
        self._store = _store(overflow, lose)
        self._changed = asyncio.Event()
        self._ended = False
        self._error: Optional[BaseException] = None

    @property
    def ended(self) -> bool:
        return self._ended

    def put(self, stream: Optional[str], event: E) -> None:
        """Adds an event of that stream. Raises `TickcastError` where the overflow is `Error` and it is full."""
        if self._ended:
            return
        self._store.put((stream, _number(event) is None), event)
        self._changed.set()

    def end(self, error: Optional[BaseException] = None) -> None:
        """No more comes. What waits can still be read; after it comes `error`, or the end."""
        if self._ended:
            return
        self._ended = True
        self._error = error
        self._changed.set()

    def clear(self) -> None:
        """Nobody wants what waits."""
        while len(self._store):
            self._store.take()

    async def get(self) -> E:
        """The next event. Raises `StopAsyncIteration` at the end, or the error that ended it."""
        while not len(self._store):
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        event: E = self._store.take()
        return event


# A raw event is outside numbering, and takes no numbered one's place.
_Slot = Tuple[Optional[str], bool]


def _number(event: Any) -> Optional[int]:
    return getattr(event, "seq", None)


class _Store(Protocol):
    def __len__(self) -> int: ...
    def put(self, slot: _Slot, event: Any) -> None: ...
    def take(self) -> Any: ...


def _store(overflow: Overflow, lose: Lose) -> _Store:
    if isinstance(overflow, Buffer):
        return _Recent(overflow.limit, lose)
    if isinstance(overflow, Error):
        return _All(overflow.limit)
    return _Latest()


class _Latest:
    """The newest of each stream, in the order in which streams began to wait."""

    def __init__(self) -> None:
        self._events: OrderedDict[_Slot, Push] = OrderedDict()

    def __len__(self) -> int:
        return len(self._events)

    def put(self, slot: _Slot, event: Push) -> None:
        before = self._events.get(slot)
        if before is not None:
            event = replace(event, conflated=event.conflated + before.conflated + 1)
        self._events[slot] = event

    def take(self) -> Any:
        return self._events.popitem(last=False)[1]


class _All:
    """All events, up to a limit."""

    def __init__(self, limit: int) -> None:
        self._events: Deque[Push] = deque()
        self._limit = limit

    def __len__(self) -> int:
        return len(self._events)

    def put(self, slot: _Slot, event: Push) -> None:
        if len(self._events) >= self._limit:
            raise TickcastError(
                "slow_consumer", f"{self._limit} events wait to be read: read faster, or choose another overflow"
            )
        self._events.append(event)

    def take(self) -> Any:
        return self._events.popleft()


class _Recent:
    """The last events, up to a limit; the next of a stream says how many of it were dropped before."""

    def __init__(self, limit: int, lose: Lose) -> None:
        self._events: Deque[Tuple[_Slot, Push]] = deque()
        self._limit = limit
        self._lose = lose
        self._lost: Dict[Optional[str], int] = {}

    def __len__(self) -> int:
        return len(self._events)

    def put(self, slot: _Slot, event: Push) -> None:
        if len(self._events) >= self._limit:
            (stream, _), dropped = self._events.popleft()
            self._lost[stream] = self._lost.get(stream, 0) + 1 + dropped.conflated
            self._lose(dropped)
        self._events.append((slot, event))

    def take(self) -> Any:
        (stream, _), event = self._events.popleft()
        lost = self._lost.pop(stream, 0)
        return replace(event, lost=lost + (event.lost or 0)) if lost else event
