"""What happens when the application is slower than its stream."""

from __future__ import annotations

import asyncio
from typing import Any, List, Optional

import pytest

from tickcast import Buffer, Error, MarketData, TickcastError
from tickcast.event_queue import EventQueue
from tickcast.options import Overflow


def quote(symbol: str, seq: Optional[int], price: float = 1, conflated: int = 0) -> MarketData:
    data = {"timestamp": 1, "price": price, "volume": 1}
    return MarketData.from_frame({"symbol": symbol, "seq": seq, "conflated": conflated, "data": data})


def fill(overflow: Overflow, events: List[MarketData]) -> Any:
    dropped: List[MarketData] = []
    queue: EventQueue[MarketData] = EventQueue(overflow, dropped.append)
    for event in events:
        queue.put(event.symbol, event)
    return queue, dropped


async def read(queue: EventQueue[MarketData]) -> List[MarketData]:
    queue.end()
    events: List[MarketData] = []
    try:
        while True:
            events.append(await queue.get())
    except StopAsyncIteration:
        return events


async def test_latest_keeps_the_newest_of_each_stream_in_its_turn_and_counts_those_before_it() -> None:
    queue, dropped = fill("latest", [quote("A", 1), quote("B", 1), quote("A", 4, conflated=2), quote("A", 5)])
    events = await read(queue)
    assert [(event.symbol, event.seq, event.conflated) for event in events] == [("A", 5, 4), ("B", 1, 0)]
    assert dropped == []


async def test_latest_puts_no_raw_event_in_the_place_of_a_numbered_one() -> None:
    queue, _ = fill("latest", [quote("A", 1), quote("A", None), quote("A", None)])
    assert [(event.seq, event.conflated) for event in await read(queue)] == [(1, 0), (None, 1)]


async def test_buffer_drops_the_oldest_and_the_next_of_its_stream_tells_how_many() -> None:
    events = [quote("A", 1), quote("A", 3, conflated=1), quote("B", 1), quote("A", 4), quote("A", 5)]
    queue, dropped = fill(Buffer(3), events)
    assert [event.seq for event in dropped] == [1, 3]
    assert [(event.symbol, event.seq, event.lost) for event in await read(queue)] == [
        ("B", 1, None),
        ("A", 4, 3),
        ("A", 5, None),
    ]


async def test_error_refuses_what_is_too_many_and_what_waits_can_still_be_read() -> None:
    queue, _ = fill(Error(2), [quote("A", 1), quote("A", 2)])
    with pytest.raises(TickcastError, match="slow_consumer"):
        queue.put("A", quote("A", 3))
    assert [event.seq for event in await read(queue)] == [1, 2]


async def test_after_the_end_comes_the_error_that_ended_it() -> None:
    queue, _ = fill("latest", [quote("A", 1)])
    queue.end(TickcastError("forbidden", "no"))
    queue.put("A", quote("A", 2))
    assert (await queue.get()).seq == 1
    with pytest.raises(TickcastError, match="forbidden"):
        await queue.get()


async def test_a_reading_that_is_cancelled_loses_no_event() -> None:
    queue, _ = fill("latest", [])
    for _ in range(3):
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(queue.get(), 0.001)
    reading = asyncio.ensure_future(queue.get())
    await asyncio.sleep(0)
    queue.put("A", quote("A", 1))
    reading.cancel()
    assert (await queue.get()).seq == 1
