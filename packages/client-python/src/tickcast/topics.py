"""All that the application is subscribed to, kept up over connections; CLIENTS.md, section 4."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from ._generated import ErrorFrame, Gap, Push, Subscribed, SubscribedMany, Subscriptions
from .errors import TickcastError, server_error
from .events import key_of
from .feed import Feed
from .log import log
from .position import Ask, LostEvents, Since
from .session import Session
from .topic import Effects, StreamInfo, Topic

_Name = Tuple[str, Optional[str]]

# Of one message: so many fit into its 16 KiB, however long they are.
_MOST_SYMBOLS = 200
_RETRY_AFTER = 1.0


class Topics:
    """Subscriptions of the application that share a stream share one at the server."""

    def __init__(
        self, *, gap: Callable[[LostEvents], None], settled: Callable[[], None], server_time: Callable[[], float]
    ) -> None:
        """`settled` is called whenever the server has answered all subscriptions."""
        self._topics: Dict[_Name, Topic] = {}
        self._session: Optional[Session] = None
        self._settled = settled
        self._tell_gap = gap
        self._effects = Effects(self._ask, self._gap, server_time)

    def join(self, feed: Feed[Any], since: Optional[Since] = None) -> None:
        """Subscribes to what is not yet subscribed to."""
        added: List[Topic] = []
        for key in feed.keys:
            topic = self._topics.get((feed.channel, key))
            if topic is None:
                topic = Topic(feed.channel, key, self._effects, since)
                self._topics[feed.channel, key] = topic
                added.append(topic)
            topic.join(feed)
            # What it is greeted with may be more than it takes.
            if feed.ended:
                break
        if self._session is not None:
            self._subscribe([topic for topic in added if self._stands(topic)])

    def leave(self, feed: Feed[Any]) -> None:
        """Unsubscribes from what nobody else wants."""
        for key in feed.keys:
            topic = self._topics.get((feed.channel, key))
            if topic is None or feed not in topic.feeds:
                continue
            topic.feeds.remove(feed)
            if topic.feeds:
                continue
            del self._topics[feed.channel, key]
            if self._session is not None:
                log.debug("unsubscribing from %s %s", topic.channel, topic.key)
                self._say_goodbye(topic)
        self._check_settled()

    def holds(self, channel: str, key: Optional[str]) -> bool:
        return (channel, key) in self._topics

    def connected(self, session: Session) -> None:
        """Subscribes to everything anew."""
        self._session = session
        self._subscribe(list(self._topics.values()))
        self._check_settled()

    def disconnected(self) -> None:
        self._session = None
        for topic in self._topics.values():
            topic.disconnected()

    def end(self, error: Optional[TickcastError]) -> None:
        """Ends all subscriptions."""
        for topic in list(self._topics.values()):
            for feed in list(topic.feeds):
                feed.end(error)

    def push(self, event: Push) -> None:
        key = key_of(event)
        for topic in self._covering(event.channel, key):
            topic.push(key, event)

    def gap(self, gap: Gap) -> None:
        for topic in self._covering(gap.channel, gap.key):
            topic.gap(gap)

    def check_permissions(self) -> None:
        """A new token allows less: ends what the server has ended."""
        if self._session is None:
            return
        # What is asked for from now on gets an answer of its own.
        standing = [topic for topic in self._topics.values() if topic.confirmed]

        def listed(frame: Mapping[str, Any]) -> None:
            if frame.get("type") == "error":
                return
            left = {(each.get("channel"), each.get("key")) for each in Subscriptions.from_frame(frame).subscriptions}
            for topic in standing:
                if topic.confirmed and (topic.channel, topic.key) not in left:
                    detail = f"the token does not allow {_shown(topic)} any more"
                    self._refuse(topic, TickcastError("forbidden", detail))

        self._session.ask({"type": "list"}, listed)

    def streams(self) -> List[StreamInfo]:
        found: Dict[_Name, StreamInfo] = {}
        for topic in self._topics.values():
            for stream in topic.streams():
                # A subscription to the very stream knows more of it than one to all.
                if stream.epoch is not None or (stream.channel, stream.key) not in found:
                    found[stream.channel, stream.key] = stream
        return list(found.values())

    def _covering(self, channel: str, key: Optional[str]) -> List[Topic]:
        names: List[_Name] = [(channel, key)] if key is None else [(channel, key), (channel, None)]
        return [self._topics[name] for name in names if name in self._topics]

    def _subscribe(self, topics: List[Topic]) -> None:
        symbols: List[Topic] = []
        for topic in topics:
            since = topic.since
            if since is None and topic.channel == "market_data":
                symbols.append(topic)
            else:
                self._send(topic, since)
        for begin in range(0, len(symbols), _MOST_SYMBOLS):
            self._send_symbols(symbols[begin : begin + _MOST_SYMBOLS])

    def _send(self, topic: Topic, since: Optional[Since]) -> None:
        if self._session is None:
            return
        log.debug("subscribing to %s%s", _shown(topic), f" since {since.seq}" if since else "")

        def answered(frame: Mapping[str, Any]) -> None:
            if frame.get("type") == "error":
                self._refuse(topic, _refusal(frame))
                return
            Subscribed.from_frame(frame)
            self._confirm(topic, frame, since)

        self._session.ask(topic.request(since), answered)

    def _send_symbols(self, topics: List[Topic]) -> None:
        if self._session is None:
            return
        log.debug("subscribing to %d symbols", len(topics))

        def answered(frame: Mapping[str, Any]) -> None:
            if frame.get("type") == "error":
                for topic in topics:
                    self._refuse(topic, _refusal(frame))
                return
            results = SubscribedMany.from_frame(frame).results
            if len(results) != len(topics) or not all(isinstance(result, dict) for result in results):
                raise ValueError(f"it has {len(results)} results, not one for each of {len(topics)} symbols")
            away: List[Topic] = []
            for topic, result in zip(topics, results):
                if result.get("error") == "backplane_unavailable":
                    away.append(topic)
                elif result.get("type") == "error":
                    self._refuse(topic, _refusal(result))
                else:
                    Subscribed.from_frame(result)
                    self._confirm(topic, result, None)
            if away:
                self._later(_RETRY_AFTER, lambda: self._subscribe([topic for topic in away if self._stands(topic)]))

        symbols = [topic.key for topic in topics]
        self._session.ask({"type": "subscribe", "channel": "market_data", "symbols": symbols}, answered)

    def _ask(self, topic: Topic, ask: Ask) -> None:
        self._later(ask.after, lambda: self._send(topic, ask.since) if self._stands(topic) else None)

    def _gap(self, topic: Topic, gap: LostEvents) -> None:
        # Of two subscriptions that cover the stream, the one to this very stream tells.
        single = self._topics.get((gap.channel, gap.key))
        if single is None or single is topic or not single.confirmed:
            self._tell_gap(gap)

    def _later(self, after: float, action: Callable[[], None]) -> None:
        """On this connection only: what was asked for on a lost one is of no use."""
        session = self._session
        if session is None:
            return
        if after == 0:
            action()
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(after, lambda: action() if self._session is session else None)

    def _stands(self, topic: Topic) -> bool:
        return self._topics.get((topic.channel, topic.key)) is topic

    def _confirm(self, topic: Topic, reply: Mapping[str, Any], asked: Optional[Since]) -> None:
        if self._stands(topic):
            topic.subscribed(reply, asked)
            self._check_settled()
        elif (topic.channel, topic.key) not in self._topics and self._session is not None:
            # Given up before it was made: it may have been asked for again after the goodbye.
            self._say_goodbye(topic)

    def _say_goodbye(self, topic: Topic) -> None:
        def answered(_frame: Mapping[str, Any]) -> None:
            # Where the server held messages back it may have come after a subscription to the same.
            follower = self._topics.get((topic.channel, topic.key))
            if follower is not None and follower.confirmed:
                self._subscribe([follower])

        if self._session is not None:
            self._session.ask(topic.goodbye(), answered)

    def _refuse(self, topic: Topic, error: TickcastError) -> None:
        if not self._stands(topic):
            return
        log.warning("%s", error)
        # The server has none to end, so nothing is sent for it.
        feeds, topic.feeds = topic.feeds, []
        del self._topics[topic.channel, topic.key]
        for feed in feeds:
            feed.end(error)
        self._check_settled()

    def _check_settled(self) -> None:
        if self._session is not None and all(topic.confirmed for topic in self._topics.values()):
            self._settled()


def _shown(topic: Topic) -> str:
    return topic.channel if topic.key is None else f"{topic.channel} {topic.key}"


def _refusal(frame: Mapping[str, Any]) -> TickcastError:
    return server_error(ErrorFrame.from_frame(frame))
