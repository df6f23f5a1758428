"""The class of the API's first description, used as it is shown there."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Dict, List

import pytest
from cluster import Cluster, eventually
from told import FAST

import tickcast
from tickcast import QuantWebSocket, TickcastError


async def test_its_program_runs_as_it_stands_there(cluster: Cluster, name: str, capsys: Any) -> None:
    token = cluster.mint(name, channels=[f"agent_status:{name}", "agent_status"])
    cluster.agent(name, "running")

    async def main() -> None:
        ws = QuantWebSocket(cluster.url, token)

        @ws.on("agent_status")
        async def handle_agent_status(data: Dict[str, Any]) -> None:
            print(f"智能体状态更新: {data}")

        await ws.connect()

    program = asyncio.ensure_future(main())
    printed: List[str] = []

    def all_printed() -> bool:
        printed.append(capsys.readouterr().out)
        return "'status': 'running', 'cpu_usage': 1.5, 'memory_usage': 2," in "".join(printed)

    await eventually(all_printed)
    program.cancel()
    await asyncio.wait([program])
    assert program.cancelled()


async def test_callbacks_get_data_or_the_whole_frame_and_the_last_one_of_a_type_counts(
    cluster: Cluster, name: str
) -> None:
    got: List[Any] = []
    ws = QuantWebSocket(cluster.url, cluster.mint(name))
    ws.on("market_data", lambda _: got.append("the first"))
    ws.on("market_data", got.append)
    ws.on("pong", got.append)
    ws.on("error", got.append)
    # Before it is connected, what is subscribed to is remembered, and what else is sent is not.
    await ws.subscribe("market_data", name)
    await ws.send({"type": "ping"})
    running = asyncio.ensure_future(ws.connect())
    await eventually(lambda: subscriptions(cluster, name, 2))
    cluster.quote(name, 7)
    await eventually(lambda: len(got) == 1)
    assert (got[0]["price"], got[0]["volume"]) == (7, 1000)
    await ws.send({"type": "ping", "timestamp": 1.5})
    await eventually(lambda: len(got) == 2)
    assert (got[1]["type"], got[1]["timestamp"]) == ("pong", 1.5)
    await ws.send({"type": "nonsense"})
    await eventually(lambda: len(got) == 3)
    assert got[2]["error"] == "unsupported_message_type"
    await ws.send({"type": "unsubscribe", "channel": "market_data", "symbol": name})
    await eventually(lambda: subscriptions(cluster, name, 1))
    await ws.send({"type": "subscribe", "channel": "backtest_progress", "params": {"backtest_id": name}})
    await eventually(lambda: subscriptions(cluster, name, 2))
    await ws.close()
    await asyncio.wait_for(running, 5)
    assert len(got) == 3


async def subscriptions(cluster: Cluster, sub: str, count: int) -> bool:
    return [each["subscriptions"] for each in await cluster.connections(sub)] == [count]


async def test_its_subscriptions_outlive_a_lost_connection(cluster: Cluster, name: str) -> None:
    states: List[str] = []
    messages: List[str] = []
    ws = QuantWebSocket(cluster.url, cluster.token, backoff=(0.01, 0.1))

    @ws.on("alerts")
    def handle(data: Dict[str, Any]) -> None:
        if data["source"] == name:
            messages.append(data["message"])

    ws.on("state", lambda change: states.append(change["state"]))
    running = asyncio.ensure_future(ws.connect())
    await ws.subscribe("alerts")
    await eventually(lambda: states[-1:] == ["live"])
    cluster.alert(name, "before")
    session = ws._core.connection._session
    assert session is not None
    session._link._socket.transport.abort()
    cluster.alert(name, "after")
    await eventually(lambda: messages == ["before", "after"])
    await ws.close()
    await running
    assert states == ["connecting", "live", "resuming", "live", "closed"]


async def test_a_callback_that_takes_seconds_holds_up_no_other_and_one_that_raises_is_told(
    cluster: Cluster, name: str
) -> None:
    finished: List[float] = []
    quotes: List[Any] = []
    errors: List[str] = []
    ws = QuantWebSocket(cluster.url, cluster.token, **FAST)

    @ws.on("agent_status")
    def sleep(_data: Dict[str, Any]) -> None:
        begun = time.monotonic()
        time.sleep(3)
        # However slow the machine is: who is held up by this gets none.
        while len(quotes) < 2 and time.monotonic() - begun < 20:
            time.sleep(0.01)
        finished.append(time.monotonic())

    @ws.on("market_data")
    async def fail(data: Dict[str, Any]) -> None:
        quotes.append(data)
        raise KeyError("price")

    ws.on("error", lambda error: errors.append(error["error"]))
    await ws.subscribe("market_data", name)
    cluster.agent(name, "running")
    running = asyncio.ensure_future(ws.connect())
    while not finished:
        cluster.quote(name, 1)
        await asyncio.sleep(0.05)
    assert len(quotes) > 1
    await ws.close()
    await running
    assert set(errors) == {"handler_failed"}


async def test_connect_raises_the_error_with_which_it_ends_and_tells_it_once(cluster: Cluster, name: str) -> None:
    errors: List[str] = []
    ws = QuantWebSocket(cluster.url, cluster.mint(name, ttl=-60))
    ws.on("error", lambda error: errors.append(error["error"]))
    with pytest.raises(TickcastError, match="authentication_failed"):
        await ws.connect()
    assert errors == ["authentication_failed"]


async def test_a_refused_subscription_is_told_and_the_others_stay(cluster: Cluster, name: str) -> None:
    got: List[Any] = []
    ws = tickcast.QuantWebSocket(cluster.url, cluster.mint(name, channels=["market_data"]))
    ws.on("error", got.append)
    ws.on("market_data", got.append)
    running = asyncio.ensure_future(ws.connect())
    await eventually(lambda: len(got) == 1)
    assert (got[0]["type"], got[0]["error"]) == ("error", "forbidden")
    await ws.subscribe("market_data", name)
    cluster.quote(name, 3)
    await eventually(lambda: len(got) == 2)
    assert got[1]["price"] == 3
    await ws.close()
    await running


async def test_after_its_end_it_connects_again_with_all_that_is_subscribed_to(cluster: Cluster, name: str) -> None:
    got: List[Any] = []
    # Its token ends while it is connected, and then it has another.
    given = iter([cluster.mint(name, ttl=-60), cluster.mint(name, ttl=-60), cluster.mint(name)])
    ws = QuantWebSocket(cluster.url, lambda: next(given))
    ws.on("market_data", got.append)
    await ws.subscribe("market_data", name)
    with pytest.raises(TickcastError, match="authentication_failed"):
        await ws.connect()
    running = asyncio.ensure_future(ws.connect())
    await eventually(lambda: subscriptions(cluster, name, 2))
    cluster.quote(name, 1)
    await eventually(lambda: len(got) == 1)
    await ws.close()
    await running


async def test_an_event_that_two_subscriptions_cover_comes_once(cluster: Cluster, name: str) -> None:
    statuses: List[str] = []
    ws = QuantWebSocket(cluster.url, cluster.mint(name))
    ws.on("agent_status", lambda data: statuses.append(data["status"]) if data["status"].startswith(name) else None)
    single = {"channel": "agent_status", "params": {"agent_id": name}}
    await ws.send({"type": "subscribe", **single})
    running = asyncio.ensure_future(ws.connect())
    await eventually(lambda: subscriptions(cluster, name, 2))
    for n in range(3):
        cluster.agent(name, f"{name}{n}")
    await eventually(lambda: len(statuses) >= 3)
    await ws.send({"type": "unsubscribe", "channel": "agent_status"})
    await eventually(lambda: subscriptions(cluster, name, 1))
    cluster.agent(name, f"{name}3")
    await eventually(lambda: len(statuses) >= 4)
    assert statuses == [f"{name}{n}" for n in range(4)]
    await ws.send({"type": "unsubscribe", **single})
    await ws.send({"type": "subscribe", **single})
    await eventually(lambda: len(statuses) == 5)
    cluster.agent(name, f"{name}5")
    await eventually(lambda: statuses[-1] == f"{name}5")
    await ws.close()
    await running


async def test_a_message_may_name_several_symbols_and_what_it_cant_do_is_refused(cluster: Cluster, name: str) -> None:
    got: List[float] = []
    ws = QuantWebSocket(cluster.url, cluster.mint(name))
    ws.on("market_data", lambda data: got.append(data["price"]))
    for message in ({"symbol": "a b"}, {"symbols": ["0700.HK", ""]}, {"symbol": name, "id": 1}):
        with pytest.raises(ValueError, match=r"can't be a key|has no id"):
            await ws.send({"type": "subscribe", "channel": "market_data", **message})
    running = asyncio.ensure_future(ws.connect())
    await ws.send({"type": "subscribe", "channel": "market_data", "symbols": [name, f"{name}B", name.lower()]})
    await eventually(lambda: subscriptions(cluster, name, 3))
    cluster.quote(name, 1)
    cluster.quote(f"{name}B", 2)
    await eventually(lambda: sorted(got) == [1, 2])
    await ws.close()
    await running


async def test_errors_of_the_server_are_told_once_each(cluster: Cluster) -> None:
    errors: List[str] = []
    pongs: List[Any] = []
    ws = QuantWebSocket(cluster.url, cluster.token)
    ws.on("error", lambda error: errors.append(error["error"]))
    ws.on("pong", pongs.append)
    live = asyncio.Event()

    @ws.on("state")
    async def changed(change: Dict[str, Any]) -> None:
        if change["state"] == "live":
            live.set()

    running = asyncio.ensure_future(ws.connect())
    await live.wait()
    for _ in range(2):
        await ws.send({"type": "nonsense"})
    await ws.subscribe("nochannel")
    await ws.send({"type": "ping"})
    await eventually(lambda: len(pongs) == 1)
    await ws.close()
    await running
    assert sorted(errors) == ["unsupported_channel", "unsupported_message_type", "unsupported_message_type"]
