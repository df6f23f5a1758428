"""Handlers: one thing at a time and in order, and nobody waits for them."""

from __future__ import annotations

import asyncio
import time
from typing import List, Optional

import pytest
from cluster import Cluster, eventually
from told import FAST, Told, next_of

import tickcast


@pytest.mark.parametrize("blocking", [True, False], ids=["blocks its thread", "awaits"])
async def test_a_handler_that_takes_seconds_delays_neither_heartbeats_nor_events_nor_other_handlers(
    cluster: Cluster, name: str, blocking: bool
) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token, **FAST)
    told = Told(connecting)
    finished: List[Optional[str]] = []
    seen = 0
    begun = time.monotonic()

    def may_end() -> bool:
        """The first call lasts for longer than makes a server dead, and until quotes came past it, or never will."""
        passed = time.monotonic() - begun
        return bool(finished) or (passed > 3 and (seen > 1 or passed > 20))

    def sleep(change: tickcast.StateChange) -> None:
        while not may_end():
            time.sleep(0.01)
        finished.append(change.state)

    async def wait(change: tickcast.StateChange) -> None:
        while not may_end():
            await asyncio.sleep(0.01)
        finished.append(change.state)

    remove = connecting.on("state", sleep if blocking else wait)
    async with connecting as client, client.market_data(name) as quotes:
        while not finished:
            cluster.quote(name, seen)
            seen = (await next_of(quotes)).seq
        remove()
        assert seen > 1
        assert "resuming" not in told.states
        assert finished[0] == "connecting"
    assert told.errors == []


async def test_a_loop_that_was_held_up_does_not_take_the_server_for_dead(cluster: Cluster) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token, **FAST)
    told = Told(connecting)
    async with connecting:
        time.sleep(3.6)
        # It would be found dead at the next look.
        await asyncio.sleep(0.9)
    assert "resuming" not in told.states
    assert told.errors == []


async def test_a_handler_that_raises_is_told_and_gets_the_next(cluster: Cluster) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token)
    told = Told(connecting)

    @connecting.on("state")
    def fail(change: tickcast.StateChange) -> None:
        raise KeyError(change.state)

    removed: List[str] = []
    connecting.on("state", lambda change: removed.append(change.state))()
    async with connecting:
        await eventually(lambda: len(told.errors) == 2)
    assert set(told.errors) == {"handler_failed"}
    assert len(told.errors) == 3
    assert removed == []
    with pytest.raises(ValueError, match="use error, gap, notice, state"):
        connecting.on("alerts", fail)


async def test_a_handler_that_removes_itself_ends_what_it_is_at(cluster: Cluster) -> None:
    connecting = tickcast.connect(cluster.url, token=cluster.token)
    came: List[str] = []

    async def once(change: tickcast.StateChange) -> None:
        remove()
        await asyncio.sleep(0.01)
        came.append(change.state)

    remove = connecting.on("state", once)
    async with connecting:
        pass
    assert came == ["connecting"]
