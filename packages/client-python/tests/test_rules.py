"""Waits, closes, tokens, options, requests: what is decided without a connection."""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from typing import Any, Dict, List, Mapping, cast

import pytest

from tickcast import AgentStatus, Buffer, Error, TickcastError
from tickcast._generated import ErrorFrame
from tickcast.backoff import full_jitter
from tickcast.client import connect
from tickcast.closes import Ending, ending_of
from tickcast.event_queue import EventQueue
from tickcast.failures import Failures
from tickcast.feed import Feed
from tickcast.heartbeat import ServerClock
from tickcast.link import LinkClosedError
from tickcast.options import Options, check_overflow
from tickcast.requests import Requests
from tickcast.session import Session
from tickcast.states import States
from tickcast.tokens import TokenSource
from tickcast.topics import Topics

URL = "ws://localhost:8001/api/v1/websocket"


def test_the_wait_is_a_random_time_below_a_bound_that_doubles() -> None:
    assert [full_jitter(n, 0.5, 20.0, lambda: 1.0) for n in range(1, 9)] == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert full_jitter(3, 0.5, 20.0, lambda: 0.25) == 0.5
    assert full_jitter(10**9, 0.5, 20.0, lambda: 1.0) == 20
    waits = [full_jitter(1, 0.5, 20.0) for _ in range(100)]
    assert min(waits) >= 0
    assert max(waits) <= 0.5
    assert len(set(waits)) > 50


def test_a_close_means_what_the_table_says() -> None:
    actions = {
        **dict.fromkeys((1003, 1009, 4409), "never"),
        1012: "at_once",
        4401: "new_token",
        **dict.fromkeys((1000, 1006, 1013, 4408, 4410, 4429, 4999), "backoff"),
    }
    ends = {code: ending_of(LinkClosedError(code, ""), None, 0.0) for code in actions}
    assert {code: end.action for code, end in ends.items()} == actions
    assert {code: end.error.code for code, end in ends.items() if end.error.code != "connection_lost"} == {
        1003: "protocol_violated",
        1009: "protocol_violated",
        4401: "authentication_failed",
        4409: "seat_taken_over",
        4410: "slow_consumer",
    }
    assert [code for code, end in ends.items() if end.after > 0] == [4429]
    assert ends[4429].after == 5


def ending(action: str, after: float = 0.0) -> Ending:
    return Ending(TickcastError("connection_lost", "…"), action, after)


def failures(can_renew: bool = True, max_attempts: float = 3) -> Failures:
    return Failures(max_attempts=max_attempts, backoff=(1e-9, 1e-9), can_renew=can_renew)


def test_the_failure_after_the_last_attempt_is_final_and_has_the_one_before_as_its_cause() -> None:
    counted = failures()
    assert [counted.judge(ending("backoff")).final for _ in range(3)] == [None] * 3
    last = counted.judge(ending("backoff"))
    assert last.final is not None
    assert (last.final.code, last.final.__cause__) == ("gave_up", last.failure)
    endless = failures(max_attempts=math.inf)
    assert {endless.judge(ending("backoff")).final for _ in range(2000)} == {None}


def test_being_live_for_long_enough_begins_the_count_anew() -> None:
    counted = failures()
    for _ in range(5):
        assert counted.judge(ending("backoff")).final is None
        counted.arrived()
        counted.forget()


def test_what_the_server_said_to_wait_is_waited_besides_the_random_time() -> None:
    wait = failures().judge(ending("backoff", 2.0)).wait
    assert 2 <= wait < 2.1


def test_coming_back_at_once_is_no_failure_unless_it_goes_on_so() -> None:
    now = 0.0
    counted = Failures(max_attempts=9, backoff=(1, 1), can_renew=True, clock=lambda: now)
    assert counted.judge(ending("at_once")) == (None, None, 0.0, False)
    assert counted.judge(ending("at_once")).failure is not None
    counted.arrived()
    now = 0.5
    assert counted.judge(ending("at_once")).failure is not None
    counted.arrived()
    now = 2.0
    assert counted.judge(ending("at_once")).failure is None
    counted.arrived()
    assert counted.judge(ending("new_token")).wait > 0


def test_a_refused_token_is_final_without_a_function_and_when_the_next_is_refused_too() -> None:
    assert failures(can_renew=False).judge(ending("new_token")).final is not None
    counted = failures()
    first = counted.judge(ending("new_token"))
    assert (first.final, first.wait, first.token_refused) == (None, 0.0, True)
    assert counted.judge(ending("new_token")).final is not None


async def test_every_change_of_state_is_told_once_with_the_one_before() -> None:
    told: List[Any] = []
    healthy: List[bool] = []
    states = States(lambda change: told.append((change.previous, change.state)), lambda: healthy.append(True), 0.0)
    states.connecting()
    states.noted(degraded=True)
    states.lost()
    states.arrived()
    states.noted(quiet=True)
    states.noted(degraded=True, quiet=False)
    states.noted(degraded=False)
    states.noted(draining=True)
    states.noted(quiet=True)
    assert healthy == []
    states.lost()
    states.arrived()
    await asyncio.sleep(0.001)
    assert healthy == [True]
    states.closed(None)
    states.closed(None)
    assert [state for _, state in told] == [
        "connecting",
        *("live", "stale", "live", "draining"),
        *("resuming", "live", "closed"),
    ]
    assert [previous for previous, _ in told] == ["closed", *[state for _, state in told][:-1]]


def test_the_code_of_an_end_is_that_of_the_error_before_it_where_the_two_belong_together() -> None:
    expired = ErrorFrame("token_expired", "…")
    assert ending_of(LinkClosedError(4401, ""), expired, 0.0).error.code == "token_expired"
    assert ending_of(LinkClosedError(1006, ""), expired, 0.0).error.code == "connection_lost"
    full = ending_of(LinkClosedError(1013, ""), ErrorFrame("connection_limit_exceeded", "…"), 1.5)
    assert (full.error.code, full.error.close_code, full.error.retry_after, full.after) == (
        "connection_limit_exceeded",
        1013,
        1.5,
        1.5,
    )


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"url": "http://localhost"}, "url must be"),
        ({"url": "localhost:8001"}, "url must be"),
        ({"ssl": ssl.create_default_context()}, "begins with wss"),
        ({"backoff": (0, 20)}, "backoff must be"),
        ({"backoff": (1, 0.5)}, "backoff must be"),
        ({"ping_interval": 0}, "ping_interval must be"),
        ({"max_attempts": -1}, "max_attempts must be"),
        ({"max_attempts": math.nan}, "max_attempts must be"),
        ({"healthy_after": -1}, "healthy_after must be"),
    ],
)
def test_options_that_cant_be_are_refused_at_once(options: Dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        connect(**{"url": URL, "token": "t", **options})


def test_a_token_that_is_none_and_an_overflow_that_is_none_are_refused_at_once() -> None:
    with pytest.raises(TypeError, match="token must be"):
        connect(URL, token=None)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="limit must be"):
        Buffer(0)
    with pytest.raises(ValueError, match="overflow must be"):
        check_overflow("newest", "alerts")  # type: ignore[arg-type]


def test_neither_token_nor_seat_nor_what_is_in_the_url_is_shown() -> None:
    options = Options("wss://user:secret@h:1/p?access_token=secret", "secret")
    assert "secret" not in repr(options)
    assert options.shown_url == "wss://h:1/p"
    assert options.url_with("s/1") == "wss://user:secret@h:1/p?access_token=secret&lang=en&seat=s%2F1"


async def test_a_token_function_is_asked_again_only_when_the_token_is_of_no_use_any_more() -> None:
    given: List[str] = []

    async def give() -> str:
        given.append(f"token-{len(given)}")
        return given[-1]

    tokens = TokenSource(give)
    assert [await tokens.get(100), await tokens.get(100)] == ["token-0", "token-0"]
    tokens.expires_at = 200
    assert [await tokens.get(199), await tokens.get(200)] == ["token-0", "token-1"]
    tokens.refused()
    assert [await tokens.get(100), await tokens.renew()] == ["token-2", "token-3"]


@pytest.mark.parametrize("give", [lambda: "t", lambda: asyncio.sleep(0, "t\n")])
async def test_a_token_function_may_be_plain_or_make_something_to_await(give: Any) -> None:
    assert await TokenSource(give).get(0) == "t"


@pytest.mark.parametrize("token", ["", "a b", "tökén", "a\r\nX: y", lambda: 1, lambda: 1 / 0])
async def test_what_is_no_token_is_unavailable_and_is_not_quoted(token: Any) -> None:
    with pytest.raises(TickcastError) as caught:
        await TokenSource(token).get(0)
    assert caught.value.code == "token_unavailable"
    assert "a b" not in str(caught.value)


async def test_a_token_function_that_never_answers_is_given_up() -> None:
    with pytest.raises(TickcastError, match="token_unavailable"):
        await TokenSource(lambda: asyncio.sleep(60, "t"), within=0.01).get(0)


async def test_a_client_that_is_closed_before_it_took_a_step_is_closed() -> None:
    client = connect("ws://127.0.0.1:1/nobody", token="t", max_attempts=0).client
    connecting = asyncio.ensure_future(client.connect())
    await asyncio.sleep(0)
    await asyncio.wait_for(client.close(), 5)
    with pytest.raises(TickcastError, match="not_connected"):
        await asyncio.wait_for(connecting, 5)
    assert client.state == "closed"
    with pytest.raises(TickcastError, match="gave_up"):
        await asyncio.wait_for(client.connect(), 5)


async def test_a_subscription_that_is_full_of_its_greeting_joins_nothing_more() -> None:
    topics = Topics(gap=lambda _gap: None, settled=lambda: None, server_time=time.time)
    streams = ("a", "b", "c")
    topics.join(Feed("agent_status", streams, EventQueue("latest", lambda _event: None), topics.leave))
    for n, stream in enumerate(streams):
        topic = topics._topics["agent_status", stream]
        topic.subscribed({"epoch": "e", "seq": n}, None)
        state = {"status": "s", "cpu_usage": 1, "memory_usage": 1, "task_queue_size": 1, "last_update": 1}
        topics.push(AgentStatus.from_frame({"agent_id": stream, "seq": n + 1, "data": state}))
    late: Feed[Any] = Feed("agent_status", (*streams, "d"), EventQueue(Error(1), lambda _event: None), topics.leave)
    topics.join(late)
    assert late.ended
    assert [topic.key for topic in topics._topics.values()] == list(streams)
    assert not any(late in topic.feeds for topic in topics._topics.values())


async def test_requests_that_the_server_dropped_without_a_word_are_sent_again_one_after_the_other() -> None:
    sent: List[str] = []
    answered: List[Any] = []
    requests = Requests(lambda message: sent.append(message["id"]))
    requests.rate = 1000.0
    for _ in range(4):
        requests.ask({"type": "subscribe"}, answered.append)
    first = list(sent)
    requests.reply({"type": "subscribed", "id": first[0]})
    requests.reply(refusal("rate_limited", first[1]))
    assert requests.oldest is None
    requests.ask({"type": "subscribe"}, answered.append)
    assert sent == first
    while len(sent) < 8:
        await asyncio.sleep(0.001)
    assert sent[4:7] == first[1:]
    for request_id in sent[4:]:
        requests.reply({"type": "subscribed", "id": request_id})
    assert [frame["id"] for frame in answered] == [first[0], *sent[4:]]
    assert requests.oldest is None
    requests.stop()


async def test_what_is_sent_again_and_dropped_without_a_word_once_more_is_sent_until_it_is_answered() -> None:
    sent: List[str] = []
    requests = Requests(lambda message: sent.append(message["n"]))
    requests.rate = 1000.0
    for n in ("first", "second"):
        requests.ask({"n": n}, lambda _reply: None)
    requests.reply(refusal("rate_limited", "tickcast-1"))
    while len(sent) < 4:
        await asyncio.sleep(0.001)
    requests.reply({"type": "subscribed", "id": "tickcast-1"})
    since = requests.oldest
    requests.ask({"n": "third"}, lambda _reply: None)
    assert sent[4:] == ["third"]
    while len(sent) < 7:
        await asyncio.sleep(0.01)
    assert sent[5:7] == ["second", "third"]
    # A server that answers nothing is still found out.
    assert since is not None
    assert requests.oldest == since
    requests.stop()


async def test_a_refusal_while_the_unanswered_are_sent_again_sends_none_of_them_twice() -> None:
    sent: List[str] = []

    def send(message: Mapping[str, Any]) -> None:
        sent.append(message["n"])
        # The first of those that had no answer a second after they were sent again.
        if len(sent) == 7:
            asyncio.get_running_loop().call_soon(requests.reply, refusal("rate_limited", "tickcast-1"))

    requests = Requests(send)
    requests.rate = 1000.0
    for n in ("first", "second", "third"):
        requests.ask({"n": n}, lambda _reply: None)
    requests.reply(refusal("rate_limited", "tickcast-1"))
    while len(sent) < 11:
        await asyncio.sleep(0.01)
    assert sent[6:11] == ["first", "first", "second", "third", "first"]
    requests.stop()


async def test_what_was_refused_twice_still_comes_before_what_was_asked_after_it() -> None:
    sent: List[str] = []

    def send(message: Mapping[str, Any]) -> None:
        sent.append(message["n"])
        # Before the next one is due, however late the loop is.
        if len(sent) == 4:
            asyncio.get_running_loop().call_soon(requests.reply, refusal("rate_limited", "tickcast-1"))

    requests = Requests(send)
    requests.rate = 1000.0
    for n in ("first", "second", "third"):
        requests.ask({"n": n}, lambda _reply: None)
    requests.reply(refusal("rate_limited", "tickcast-1"))
    requests.ask({"n": "fourth"}, lambda _reply: None)
    while len(sent) < 8:
        await asyncio.sleep(0.001)
    assert sent[3:8] == ["first", "first", "second", "third", "fourth"]
    requests.stop()


async def test_a_goodbye_that_came_after_the_next_subscription_is_made_good() -> None:
    asked: List[Any] = []

    class Recorder:
        def ask(self, message: Dict[str, Any], answered: Any) -> None:
            asked.append((message["type"], answered))

    topics = Topics(gap=lambda _gap: None, settled=lambda: None, server_time=time.time)
    topics.connected(cast(Session, Recorder()))

    def subscribe() -> Feed[Any]:
        feed: Feed[Any] = Feed("agent_status", ("a",), EventQueue("latest", lambda _event: None), topics.leave)
        topics.join(feed)
        return feed

    confirmed = {"channel": "agent_status", "key": "a", "epoch": "e", "seq": 1, "recovered": False, "count": 1}
    subscribe().close()
    subscribe()
    (_, first), (_, goodbye), (_, second) = asked
    first(confirmed)
    second(confirmed)
    goodbye({})
    assert [kind for kind, _ in asked] == ["subscribe", "unsubscribe", "subscribe", "subscribe"]


@pytest.mark.parametrize("since", [3, ("e",), ("e", "1"), {"epoch": "e"}, {"seq": 1}, (1, 2)])
def test_a_since_that_is_none_is_refused_with_what_it_needs(since: Any) -> None:
    with pytest.raises(ValueError, match="since needs an epoch"):
        connect(URL, token="t").client.alerts(since=since)


def test_the_clock_of_the_server_is_that_of_the_answer_with_the_shortest_way() -> None:
    clock = ServerClock()
    now = time.time()
    clock.answered(now - 2, now + 100)
    assert clock.now() == pytest.approx(now + 101, abs=5)
    clock.answered(now, now + 50)
    clock.answered(now - 3, now + 100)
    assert clock.now() == pytest.approx(now + 50, abs=5)
    clock.renew()
    clock.answered(now - 2, now + 20)
    assert clock.now() == pytest.approx(now + 21, abs=5)


async def test_an_answer_that_is_not_what_it_should_be_is_no_answer() -> None:
    def unreadable(_frame: Mapping[str, Any]) -> None:
        raise ValueError("no")

    requests = Requests(lambda _message: None)
    requests.ask({"type": "hello"}, unreadable)
    with pytest.raises(ValueError, match="no"):
        requests.reply({"type": "welcome", "id": "tickcast-1"})
    assert requests.oldest is not None
    requests.reply(refusal("backplane_unavailable", "tickcast-1"))
    assert requests.oldest is None
    requests.stop()


def refusal(code: str, request_id: str) -> Dict[str, Any]:
    return {"type": "error", "error": code, "detail": "…", "id": request_id, "retry_after_ms": 5}
