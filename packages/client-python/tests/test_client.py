"""The client against real edges."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import List

import pytest
from cluster import Cluster, eventually
from told import SOON, Told, next_of

import tickcast
from tickcast import Alert, TickcastError


def break_off(client: tickcast.Client) -> None:
    """As a network does."""
    session = client._core.connection._session
    assert session is not None
    session._link._socket.transport.abort()


async def next_from(alerts: tickcast.Subscription[Alert], source: str) -> Alert:
    """Alerts are one stream for all tests."""
    while True:
        alert: Alert = await next_of(alerts)
        if alert.data.source == source:
            return alert


async def test_quotes_come_typed_under_the_normal_form_of_their_symbol(cluster: Cluster, name: str) -> None:
    async with tickcast.connect(cluster.url, token=cluster.token) as client:
        async with client.market_data([name.lower()]) as quotes:
            cluster.quote(name, 352.5)
            quote = await next_of(quotes)
            assert (quote.symbol, quote.data.price, quote.seq, quote.snapshot) == (name, 352.5, 1, False)
            assert quote.epoch
            assert quote.raw.startswith('{"seq":1,')
            (stream,) = client.streams()
            assert (stream.channel, stream.key, stream.epoch, stream.last_seq) == ("market_data", name, quote.epoch, 1)
            assert 0 <= stream.lag < 5
            assert 0 <= stream.age < 5
        assert client.streams() == []
    assert client.state == "closed"


async def test_a_plain_loop_gets_everything_from_the_call_on_and_its_break_unsubscribes(
    cluster: Cluster, name: str
) -> None:
    async with tickcast.connect(cluster.url, token=cluster.mint(name)) as client:
        cluster.agent(name, "idle")
        statuses: List[str] = []
        async for state in client.agent_status([name]):
            statuses.append(state.data.status)
            if state.snapshot:
                cluster.agent(name, "running")
            else:
                break
        assert statuses == ["idle", "running"]
        await eventually(lambda: subscriptions(cluster, name, 0))


async def subscriptions(cluster: Cluster, sub: str, count: int) -> bool:
    return [each["subscriptions"] for each in await cluster.connections(sub)] == [count]


async def test_a_task_that_is_cancelled_while_it_iterates_unsubscribes(cluster: Cluster, name: str) -> None:
    async with tickcast.connect(cluster.url, token=cluster.mint(name)) as client:

        async def iterate() -> None:
            async for _ in client.agent_status():
                pass

        task = asyncio.ensure_future(iterate())
        await eventually(lambda: subscriptions(cluster, name, 1))
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await eventually(lambda: subscriptions(cluster, name, 0))


async def test_a_time_limit_on_one_event_ends_nothing(cluster: Cluster, name: str) -> None:
    async with tickcast.connect(cluster.url, token=cluster.token) as client, client.market_data(name) as quotes:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(quotes.__anext__(), 0.05)
        cluster.quote(name, 1)
        assert (await next_of(quotes)).seq == 1


async def test_subscriptions_that_share_a_stream_are_one_at_the_server_and_a_late_one_gets_the_last_event(
    cluster: Cluster, name: str
) -> None:
    async with tickcast.connect(cluster.url, token=cluster.mint(name)) as client, client.market_data(name) as first:
        cluster.quote(name, 1)
        assert (await next_of(first)).seq == 1
        async with client.market_data(name) as second:
            late = await next_of(second)
            assert (late.seq, late.snapshot) == (1, True)
            assert await subscriptions(cluster, name, 1)
            cluster.quote(name, 2)
            assert [(await next_of(each)).seq for each in (first, second)] == [2, 2]
        cluster.quote(name, 3)
        assert (await next_of(first)).seq == 3
        assert await subscriptions(cluster, name, 1)


async def test_a_lost_connection_costs_no_alert_and_doubles_none(cluster: Cluster, name: str) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.mint(name), **SOON)
    told = Told(connecting)
    async with connecting as client, client.alerts() as alerts:
        came: List[str] = []
        for round_ in range(3):
            cluster.alert(name, f"{round_} before")
            break_off(client)
            cluster.alert(name, f"{round_} after")
            came += [(await next_from(alerts, name)).data.message for _ in range(2)]
        assert came == [f"{round_} {when}" for round_ in range(3) for when in ("before", "after")]
        assert len(await cluster.connections(name)) == 1
    assert told.states == ["connecting", "live", *["resuming", "live"] * 3, "closed"]
    assert told.errors == ["connection_lost"] * 3
    assert told.gaps == []


async def test_the_next_process_goes_on_from_the_alert_that_the_last_one_had(cluster: Cluster, name: str) -> None:
    async with tickcast.connect(cluster.url, token=cluster.token) as client, client.alerts() as alerts:
        cluster.alert(name, "seen")
        last = await next_from(alerts, name)
    cluster.alert(name, "missed")
    async with tickcast.connect(cluster.url_2, token=cluster.token) as client:
        alerts = client.alerts(since={"epoch": last.epoch, "seq": last.seq})
        assert (await next_from(alerts, name)).data.message == "missed"
        with pytest.raises(ValueError, match="gets alerts already"):
            client.alerts(since=(str(last.epoch), 1))


async def test_a_refused_subscription_raises_and_leaves_the_others_alone(cluster: Cluster, name: str) -> None:
    token = cluster.mint(name, channels=[f"market_data:{name}"])
    async with tickcast.connect(cluster.url, token=token) as client, client.market_data(name) as quotes:
        with pytest.raises(TickcastError, match="forbidden"):
            async with client.agent_status():
                pass
        with pytest.raises(TickcastError, match="forbidden"):
            async for _ in client.market_data([name, "9988.HK"]):
                pass
        cluster.quote(name, 1)
        assert (await next_of(quotes)).seq == 1
        assert client.state == "live"


async def test_what_cant_be_a_key_is_refused_before_anything_is_sent(cluster: Cluster) -> None:
    async with tickcast.connect(cluster.url, token=cluster.token) as client:
        for symbols in (["a b"], [], "", None):
            with pytest.raises(ValueError, match="market_data"):
                client.market_data(symbols)  # type: ignore[arg-type]
    with pytest.raises(TickcastError, match="not_connected"):
        client.alerts()


async def test_a_token_function_is_asked_when_the_token_expires_and_the_connection_stays(
    cluster: Cluster, name: str
) -> None:
    asked = 0

    def give() -> str:
        nonlocal asked
        asked += 1
        # The first is told to expire at once.
        return cluster.mint(name, ttl=30 if asked == 1 else 3600)

    async def renewed() -> bool:
        return [each["expires_at"] > time.time() + 60 for each in await cluster.connections(name)] == [True]

    connecting = tickcast.connect(cluster.url, token=give)
    told = Told(connecting)
    async with connecting:
        await eventually(renewed)
    assert asked == 2
    assert told.states == ["connecting", "live", "closed"]
    assert [type(notice) for notice in told.notices] == [tickcast.TokenExpiring]


async def test_a_new_token_that_allows_less_ends_what_it_does_not_cover(cluster: Cluster, name: str) -> None:
    asked = 0

    async def give() -> str:
        nonlocal asked
        asked += 1
        return cluster.mint(name, ttl=30 if asked == 1 else 3600, channels=["market_data", "alerts"][: 3 - asked])

    async with tickcast.connect(cluster.url, token=give) as client:
        quotes = client.market_data(name)
        # It may come before or after the new token.
        with pytest.raises(TickcastError, match="forbidden"):
            async for _ in client.alerts():
                pass
        cluster.quote(name, 1)
        assert (await next_of(quotes)).data.price == 1


async def test_a_refused_token_is_final_and_a_function_is_asked_for_another_first(cluster: Cluster, name: str) -> None:
    bad = cluster.mint(name, ttl=-60)
    connecting = tickcast.connect(cluster.url, token=bad, **SOON)
    told = Told(connecting)
    with pytest.raises(TickcastError) as caught:
        await connecting
    assert (caught.value.code, caught.value.close_code) == ("authentication_failed", 4401)
    assert told.states == ["connecting", "closed"]
    assert told.errors == ["authentication_failed"]

    given = iter([bad, cluster.mint(name)])
    async with tickcast.connect(cluster.url, token=lambda: next(given), **SOON) as client:
        assert client.state == "live"
    with pytest.raises(TickcastError, match="authentication_failed"):
        await tickcast.connect(cluster.url, token=lambda: bad, **SOON)


async def test_it_gives_up_after_so_many_attempts_and_tells_each(cluster: Cluster) -> None:
    connecting = tickcast.connect("ws://127.0.0.1:1/nobody", token=cluster.token, max_attempts=2, backoff=(0.001, 0.01))
    told = Told(connecting)
    with pytest.raises(TickcastError) as caught:
        await connecting
    assert caught.value.code == "gave_up"
    assert isinstance(caught.value.__cause__, TickcastError)
    assert caught.value.__cause__.code == "connection_failed"
    assert told.errors == ["connection_failed"] * 3 + ["gave_up"]
    assert told.states == ["connecting", "closed"]


async def test_a_handshake_that_is_refused_for_good_is_final_at_once(cluster: Cluster) -> None:
    with pytest.raises(TickcastError) as caught:
        await tickcast.connect(cluster.url.replace("/api/", "/elsewhere/"), token=cluster.token)
    assert (caught.value.code, caught.value.status) == ("handshake_refused", 404)
    assert "connect to /api/v1/websocket" in str(caught.value)


async def test_a_final_error_is_raised_by_every_iterator_and_a_close_ends_them_quietly(
    cluster: Cluster, name: str
) -> None:
    async with tickcast.connect(cluster.url, token=cluster.mint(name, ttl=6)) as client:
        quotes = client.market_data(name)
        cluster.quote(name, 1)
        assert (await next_of(quotes)).data.price == 1
        with pytest.raises(TickcastError, match="token_expired"):
            await asyncio.wait_for(quotes.__anext__(), 15)
        with pytest.raises(TickcastError, match="not_connected"):
            client.market_data(name)
    client = await tickcast.connect(cluster.url, token=cluster.token)
    quotes = client.market_data(name)
    await client.close()
    assert [quote async for quote in quotes] == []


async def test_a_block_that_is_left_gives_its_seat_back_at_once_and_leaves_no_task(cluster: Cluster, name: str) -> None:
    before = asyncio.all_tasks()
    async with tickcast.connect(cluster.url, token=cluster.mint(name)) as client:
        Told(client)
        quotes = client.market_data(name)
        reading = asyncio.ensure_future(next_of(quotes))
        await quotes.ready()
    assert asyncio.all_tasks() - before <= {reading}
    with pytest.raises(StopAsyncIteration):
        await reading
    await eventually(lambda: gone(cluster, name))


async def gone(cluster: Cluster, sub: str) -> bool:
    return await cluster.connections(sub) == []


async def test_a_connect_that_is_cancelled_leaves_nothing(cluster: Cluster) -> None:
    before = asyncio.all_tasks()
    connecting = tickcast.connect("ws://127.0.0.1:1/nobody", token=cluster.token, backoff=(5, 5))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(connecting, 0.1)
    assert connecting.client.state == "closed"
    assert asyncio.all_tasks() == before


async def test_a_client_that_was_closed_may_connect_again_and_begins_with_nothing(cluster: Cluster, name: str) -> None:
    async with tickcast.connect(cluster.url, token=cluster.token) as client:
        client.market_data(name)
    await client.connect()
    assert client.state == "live"
    assert client.streams() == []
    await client.close()


async def test_whatever_a_frame_causes_is_told_and_is_not_the_end(cluster: Cluster) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token)
    told = Told(connecting)
    async with connecting as client, client.alerts() as alerts:
        connection = client._core.connection
        session = connection._session
        assert session is not None
        connection.topics.check_permissions()
        (request_id,) = session._requests._waiting
        for members in ("[3]", '[{"channel":[]}]', "{}", "3", "[" * 100_000):
            session._take(f'{{"type":"subscriptions","id":"{request_id}","count":1,"subscriptions":{members}}}')
        await eventually(lambda: len(told.errors) == 5)
        assert client.state == "live"
        # The true answer comes after all that.
        await eventually(lambda: not session._requests._waiting)
        assert alerts._feed.queue.ended is False
    assert set(told.errors) == {"invalid_frame"}


async def test_a_slow_application_gets_what_its_overflow_says(cluster: Cluster, name: str) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token)
    told = Told(connecting)
    async with connecting as client:
        recent = client.agent_status(name, overflow=tickcast.Buffer(2))
        few = client.agent_status(name, overflow=tickcast.Error(2))
        newest = client.agent_status(name, overflow="latest")
        other = client.agent_status(name)
        for subscription in (recent, few, newest, other):
            await subscription.ready()
        for status in ("a", "b", "c", "d"):
            cluster.agent(name, status)
        assert [(await next_of(other)).data.status for _ in range(4)] == ["a", "b", "c", "d"]
        assert [(await next_of(recent)).data.status for _ in range(2)] == ["c", "d"]
        state = await next_of(newest)
        assert (state.data.status, state.conflated) == ("d", 3)
        assert [(await next_of(few)).data.status for _ in range(2)] == ["a", "b"]
        with pytest.raises(TickcastError, match="slow_consumer"):
            await next_of(few)
    assert [(gap.key, gap.to, gap.lost, gap.declared) for gap in told.gaps] == [
        (name, 1, 1, False),
        (name, 2, 1, False),
    ]


async def test_neither_token_nor_seat_is_ever_logged(
    cluster: Cluster, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    token = cluster.mint(name)
    with caplog.at_level(logging.DEBUG):
        async with tickcast.connect(cluster.url, token=token, **SOON) as client, client.alerts() as alerts:
            seat = client._core.connection._seat
            break_off(client)
            cluster.alert(name, "1")
            await next_from(alerts, name)
    assert "with a seat" in caplog.text
    assert seat
    assert seat not in caplog.text
    assert token not in caplog.text
