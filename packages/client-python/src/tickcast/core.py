"""What `Client` and `QuantWebSocket` are made of."""

from __future__ import annotations

from typing import Any, Iterable, List, Optional, Tuple, Union

from ._generated import Push
from .callbacks import Callbacks
from .connection import Connection, Unclaimed
from .errors import TickcastError
from .event_queue import EventQueue
from .events import key_of
from .feed import Feed
from .options import Options, Overflow, check_overflow
from .position import LostEvents, Since
from .subscription import Subscription
from .symbols import normal_key

Keys = Union[str, Iterable[str]]

_TOLD = {"state", "gap", "error", "notice"}


class Core:
    """A connection, who is told what, and subscriptions."""

    def __init__(self, options: Options, unclaimed: Unclaimed = lambda _frame: None) -> None:
        """`unclaimed` gets errors of the server, and replies to messages of the application's own."""
        self.callbacks = Callbacks(_TOLD)
        self.connection = Connection(options, self.callbacks.tell, unclaimed)

    async def close(self) -> None:
        """Ends everything; returns when nothing is left running."""
        await self.connection.close()
        await self.callbacks.finish()

    def subscribe(
        self, channel: str, keys: Optional[Keys], overflow: Optional[Overflow] = None, since: Optional[Since] = None
    ) -> Subscription[Any]:
        """Raises `TickcastError` `not_connected` where the client is closed, `ValueError` for what can't be."""
        normal = normal_keys(channel, keys)
        queue: EventQueue[Any] = EventQueue(check_overflow(overflow, channel), self._dropped)
        if not self.connection.is_open:
            raise TickcastError("not_connected", "the client is closed: connect first")
        topics = self.connection.topics
        if since is not None and topics.holds(channel, None):
            raise ValueError("this client gets alerts already: give `since` in its first subscription to them")
        feed: Feed[Any] = Feed(channel, normal, queue, topics.leave)
        topics.join(feed, since)
        return Subscription(feed)

    def _dropped(self, event: Push) -> None:
        """The application was too slow for its buffer."""
        from_ = None if event.seq is None else event.seq - event.conflated
        lost = 1 + event.conflated
        gap = LostEvents(event.channel, key_of(event), event.epoch, from_, event.seq, False, False, lost)
        self.callbacks.tell("gap", gap)


def normal_keys(channel: str, keys: Optional[Keys]) -> Tuple[Optional[str], ...]:
    """The keys in normal form, each once; None for all. Raises `ValueError`."""
    if keys is None and channel != "market_data":
        return (None,)
    normal: List[str] = []
    for raw in [keys] if isinstance(keys, str) else keys or ():
        key = normal_key(channel, raw)
        if key is None:
            raise ValueError(f"{raw!r} can't be a key of {channel}: 1 to 64 of letters, digits and . ^ = _ -")
        normal.append(key)
    if not normal:
        raise ValueError(f"name at least one stream of {channel}")
    return tuple(dict.fromkeys(normal))
