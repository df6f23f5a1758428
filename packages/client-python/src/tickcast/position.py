"""Where the application stands in one stream; the rules are those of CLIENTS.md, section 5."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, NamedTuple, Optional, Protocol, Set, Tuple, Union

from ._generated import Gap

_ASK_AGAIN = 0.25


class Since(NamedTuple):
    """The last event of one stream that the application has, or was told to be lost."""

    epoch: str
    seq: int


@dataclass(frozen=True)
class LostEvents:
    """Events that the application will not get: what handlers of `gap` are given."""

    channel: str
    key: Optional[str]
    epoch: Optional[str]
    """In which `from_` and `to` count; None where its name is not known."""
    from_: Optional[int]
    to: Optional[int]
    """None where the end can't be known: the epoch is over."""
    recoverable: bool
    declared: bool
    """Whether the server said it; False for what the client found out by itself, or dropped."""
    lost: Optional[int]
    """How many; None where that can't be known."""


class Numbered(Protocol):
    """What counts of an event."""

    @property
    def seq(self) -> Optional[int]: ...
    @property
    def conflated(self) -> int: ...
    @property
    def snapshot(self) -> bool: ...
    @property
    def recovered(self) -> bool: ...
    @property
    def published_at(self) -> Optional[float]: ...


class Deliver(NamedTuple):
    """The event is new: hand it on."""

    epoch: Optional[str]
    conflated: int
    """Without those that were delivered."""


class Ask(NamedTuple):
    """Subscribe to this stream again, with or without `since`."""

    since: Optional[Since]
    after: float
    """Seconds to wait before."""


Outcome = Union[Deliver, LostEvents, Ask]


class StreamPosition:
    """What the application has of a stream, what is missing, and from where to go on, over all connections.

    `named` says whether there is a subscription to this very stream, whose replies name its epoch; False for one to all
    streams of its channel.
    """

    def __init__(self, channel: str, key: Optional[str], *, named: bool, since: Optional[Since] = None) -> None:
        self._channel = channel
        self._key = key
        self._named = named
        self._epoch: Optional[str] = None
        # None: whatever comes next is where it begins.
        self._seq: Optional[int] = None
        # Whether the application has the event at `_seq`, and was not only told of it.
        self._has = False
        self._published_at = 0.0
        # Until the reply, everything that comes will come again.
        self._healing = False
        # The hole that was already asked for.
        self._healed_at: Optional[int] = None
        # A reply that names the epoch is on its way.
        self._asking = False
        # The last event came of a replay: the reply may tell of a later epoch, so the number has to match twice.
        self._replaying = False
        self._matched: Optional[int] = None
        # The epoch in which the stream goes on, as the last reply said, when the one asked for is over.
        self._next_epoch: Optional[str] = None
        # The last position with a name, while the epoch has none.
        self._ended: Optional[Since] = None
        # What was delivered meanwhile.
        self._unnamed: Set[Tuple[int, float]] = set()
        # The last epoch whose end the application was told.
        self._over: Optional[str] = None
        # After coming back without `since`: only the time of an event says whether it is new.
        self._unsure = False
        if since is not None:
            self._stand(since.epoch, since.seq, True)

    @property
    def epoch(self) -> Optional[str]:
        return self._epoch

    @property
    def seq(self) -> Optional[int]:
        return self._seq

    @property
    def since(self) -> Optional[Since]:
        """From where to go on; None where the stream begins with what comes."""
        if not self._named:
            return None
        if self._epoch is not None and self._seq is not None:
            return Since(self._epoch, self._seq)
        return self._ended

    def subscribed(self, epoch: Optional[str], seq: Optional[int], asked: Optional[Since]) -> List[Outcome]:
        """The reply to a subscription that was `asked` with this `since`."""
        self._healing = self._asking = False
        if asked is not None:
            is_here = self._epoch == asked.epoch and self._seq == asked.seq
            if epoch == asked.epoch:
                self._stand(epoch, asked.seq, not is_here or self._has)
            elif self._channel != "alerts":
                self._next_epoch = epoch
            return []
        at = self._seq
        if at is None:
            self._stand(epoch, seq, False)
        elif self._unsure:
            gap = [self._gap(None, at + 1, seq, False)] if (seq or 0) > at else []
            self._stand(epoch, seq, seq == at)
            return list(gap)
        elif self._epoch is None:
            is_over = epoch is None or (self._ended is not None and epoch == self._ended.epoch)
            matches = not is_over and seq == at
            is_sure = matches and (not self._replaying or self._matched == at)
            self._matched = at if matches else None
            if not is_sure:
                return self._ask_name(_ASK_AGAIN)
            self._stand(epoch, at, self._has)
        return []

    def push(self, event: Numbered) -> List[Outcome]:
        seq, conflated = event.seq, event.conflated
        if seq is None:
            return [Deliver(None, conflated)]
        if self._healing:
            return []
        published_at = event.published_at or 0.0
        at = self._seq
        first = seq - conflated
        if self._unsure:
            return self._push_unsure(event, seq, published_at)
        if at is None:
            return self._deliver(event, seq, None)
        if (seq, published_at) in self._unnamed:
            self._seq = seq
            self._has = True
            self._replaying = event.recovered
            return []
        if seq < at or (seq == at and (self._has or not event.snapshot)):
            return []
        if first <= at + 1:
            return self._deliver(event, seq, at)
        since = self.since
        if self._channel == "alerts" and since is not None and self._healed_at != at:
            self._healed_at = at
            return self._heal(since)
        return [self._gap(self._epoch, at + 1, first - 1, False), *self._deliver(event, seq, at)]

    def _push_unsure(self, event: Numbered, seq: int, published_at: float) -> List[Outcome]:
        if published_at <= self._published_at:
            return []
        self._unsure = False
        at = self._seq
        first = seq - event.conflated
        # A lower number that is later is of another epoch.
        is_new = at is not None and seq <= at
        gap: List[Outcome] = []
        if at is not None and (is_new or first > at + 1):
            gap.append(self._gap(None, at + 1, None if is_new else first - 1, False))
        return [*gap, *self._deliver(event, seq, None if is_new else at)]

    def gap(self, gap: Gap) -> List[Outcome]:
        if self._healing:
            return []
        since = self.since
        if gap.recoverable and since is not None:
            return self._heal(since)
        if gap.to is None:
            return self._end(gap.epoch, gap.from_)
        if gap.epoch != self._epoch:
            at = (1 if gap.from_ is None else gap.from_) - 1 if self._named else self._seq
            self._stand(gap.epoch, at, self._has)
        begin = max(gap.from_ or 0, (-1 if self._seq is None else self._seq) + 1)
        if gap.to < begin:
            return []
        self._seq = gap.to
        self._has = False
        return [self._gap(gap.epoch, begin, gap.to, True)]

    def disconnected(self) -> None:
        """The connection is gone, and with it whatever was asked on it."""
        self._healing = self._asking = False
        self._next_epoch = None
        self._unsure = self._seq is not None and self.since is None

    def _end(self, epoch: Optional[str], from_: Optional[int]) -> List[Outcome]:
        """An epoch is over."""
        outcomes: List[Outcome] = []
        if epoch is None or epoch != self._over:
            outcomes.append(self._gap(epoch, from_, None, True))
            self._unnamed.clear()
            self._ended = None if epoch is None else Since(epoch, max(0, (1 if from_ is None else from_) - 1))
        self._over = epoch
        self._healed_at = None
        following = self._next_epoch
        self._next_epoch = None
        if not self._named or following is not None:
            # Told before: what was delivered since may be of the epoch that is named now.
            at = self._seq if not outcomes and self._unnamed else None
            self._stand(following, at, at is not None)
            self._unsure = at is not None
            return outcomes
        self._epoch = None
        self._seq = 0
        self._has = False
        return [*outcomes, *self._ask_name(0.0)]

    def _deliver(self, event: Numbered, seq: int, at: Optional[int]) -> List[Outcome]:
        # What was merged into it may have been delivered by another node.
        conflated = event.conflated if at is None else min(event.conflated, max(0, seq - at - 1))
        self._seq = seq
        self._has = True
        self._published_at = event.published_at or 0.0
        self._replaying = event.recovered
        self._healed_at = None
        deliver = Deliver(self._epoch, conflated)
        if not self._named or self._epoch is not None:
            return [deliver]
        self._unnamed.add((seq, self._published_at))
        return [deliver, *self._ask_name(0.0)]

    def _stand(self, epoch: Optional[str], seq: Optional[int], has: bool) -> None:
        self._epoch = epoch
        self._seq = seq
        self._has = has
        self._unsure = False
        if epoch is None:
            return
        self._ended = None
        self._unnamed.clear()

    def _heal(self, since: Since) -> List[Outcome]:
        self._healing = True
        return [Ask(since, 0.0)]

    def _ask_name(self, after: float) -> List[Outcome]:
        if self._asking:
            return []
        self._asking = True
        return [Ask(None, after)]

    def _gap(self, epoch: Optional[str], from_: Optional[int], to: Optional[int], declared: bool) -> LostEvents:
        lost = None if from_ is None or to is None else to - from_ + 1
        return LostEvents(self._channel, self._key, epoch, from_, to, False, declared, lost)
