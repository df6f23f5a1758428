"""One subscription at the server, and the streams that come by it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ._generated import KEY_FIELDS, Gap, Push
from .events import key_of
from .feed import Feed
from .position import Ask, Deliver, LostEvents, Outcome, Since, StreamPosition


@dataclass(frozen=True)
class StreamInfo:
    """How one stream is doing; times in seconds."""

    channel: str
    key: Optional[str]
    epoch: Optional[str]
    last_seq: Optional[int]
    lag: Optional[float]
    """From when Redis took the last event to its arrival here, by the server's clock."""
    age: Optional[float]
    """Since the last arrival."""


class Effects(NamedTuple):
    """What a topic can have done."""

    ask: Callable[[Topic, Ask], None]
    gap: Callable[[Topic, LostEvents], None]
    server_time: Callable[[], float]


class _Track:
    def __init__(self, position: StreamPosition) -> None:
        self.position = position
        self.last: Optional[Push] = None
        self.lag: Optional[float] = None
        self.arrived_at: Optional[float] = None


class Topic:
    """`key` is None for alerts, and for all agents or backtests."""

    def __init__(self, channel: str, key: Optional[str], effects: Effects, since: Optional[Since] = None) -> None:
        self.channel = channel
        self.key = key
        self.feeds: List[Feed[Any]] = []
        self.confirmed = False
        """Whether the server has answered on this connection. What comes before is of another subscription."""
        self._effects = effects
        self._is_single = key is not None or channel == "alerts"
        self._tracks: Dict[Optional[str], _Track] = {}
        if self._is_single:
            self._track(key, since)

    @property
    def since(self) -> Optional[Since]:
        return self._track(self.key).position.since if self._is_single else None

    def request(self, since: Optional[Since]) -> Dict[str, Any]:
        """The message that subscribes."""
        message = {"type": "subscribe", **self._name()}
        if since is not None:
            message["since"] = {"epoch": since.epoch, "seq": since.seq}
        return message

    def goodbye(self) -> Dict[str, Any]:
        """The message that unsubscribes."""
        return {"type": "unsubscribe", **self._name()}

    def join(self, feed: Feed[Any]) -> None:
        """The feed gets what comes from now on, and at once what came last."""
        self.feeds.append(feed)
        for key, track in self._tracks.items():
            if track.last is not None:
                feed.deliver(key, replace(track.last, snapshot=True, recovered=False, conflated=0))
        if self.confirmed:
            feed.confirmed(self.key)

    def subscribed(self, reply: Mapping[str, Any], asked: Optional[Since]) -> None:
        """The server has answered, as a reply of its own or as one of several results."""
        self.confirmed = True
        if self._is_single:
            track = self._track(self.key)
            self._act(track, None, track.position.subscribed(reply.get("epoch"), reply.get("seq"), asked))
        for feed in list(self.feeds):
            feed.confirmed(self.key)

    def push(self, key: Optional[str], event: Push) -> None:
        if self.confirmed:
            track = self._track(key)
            self._act(track, event, track.position.push(event))

    def gap(self, gap: Gap) -> None:
        if self.confirmed:
            track = self._track(gap.key)
            self._act(track, None, track.position.gap(gap))

    def disconnected(self) -> None:
        self.confirmed = False
        for track in self._tracks.values():
            track.position.disconnected()

    def streams(self) -> List[StreamInfo]:
        now = time.monotonic()
        return [
            StreamInfo(
                self.channel,
                key,
                track.position.epoch,
                track.position.seq,
                track.lag,
                None if track.arrived_at is None else now - track.arrived_at,
            )
            for key, track in self._tracks.items()
        ]

    def _name(self) -> Dict[str, Any]:
        if self.channel == "market_data":
            return {"channel": self.channel, "symbol": self.key}
        field = KEY_FIELDS[self.channel]
        if self.key is None or field is None:
            return {"channel": self.channel}
        return {"channel": self.channel, "params": {field: self.key}}

    def _track(self, key: Optional[str], since: Optional[Since] = None) -> _Track:
        track = self._tracks.get(key)
        if track is None:
            track = _Track(StreamPosition(self.channel, key, named=self._is_single, since=since))
            self._tracks[key] = track
        return track

    def _act(self, track: _Track, event: Optional[Push], outcomes: List[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, LostEvents):
                self._effects.gap(self, outcome)
            elif isinstance(outcome, Ask):
                self._effects.ask(self, outcome)
            elif event is not None:
                self._deliver(track, event, outcome)

    def _deliver(self, track: _Track, event: Push, outcome: Deliver) -> None:
        event = replace(event, epoch=outcome.epoch, conflated=outcome.conflated)
        track.arrived_at = time.monotonic()
        if event.published_at is not None and not event.snapshot:
            track.lag = max(0.0, self._effects.server_time() - event.published_at)
        if self.channel != "alerts" and event.seq is not None:
            track.last = event
        for feed in list(self.feeds):
            feed.deliver(key_of(event), event)
