"""Frames of pandas and polars: the same columns and types whatever the events are."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Dict, List

import polars
import pytest

from tickcast._generated import CHANNELS, PUSHES, Alert, BacktestProgress, MarketData
from tickcast.frames import to_pandas, to_polars

SCHEMAS = Path(__file__).parents[2] / "protocol" / "schemas"

PUBLISHED_AT = 1701234567.912345
PUBLISHED = datetime(2023, 11, 29, 5, 9, 27, 912345, tzinfo=timezone.utc)
QUOTED = datetime(2023, 11, 29, 5, 9, 27, 890000, tzinfo=timezone.utc)

TIME, NUMBER, INTEGER, TEXT, TRUTH = "time", "number", "integer", "text", "truth"
ENVELOPE = {
    "seq": INTEGER,
    "published_at": TIME,
    "snapshot": TRUTH,
    "conflated": INTEGER,
    "recovered": TRUTH,
    "lost": INTEGER,
    "epoch": TEXT,
}
COLUMNS: Dict[str, Dict[str, str]] = {
    "market_data": {
        "symbol": TEXT,
        "timestamp": TIME,
        "price": NUMBER,
        "volume": NUMBER,
        "open": NUMBER,
        "high": NUMBER,
        "low": NUMBER,
        **ENVELOPE,
    },
    "agent_status": {
        "agent_id": TEXT,
        "status": TEXT,
        "cpu_usage": NUMBER,
        "memory_usage": NUMBER,
        "task_queue_size": NUMBER,
        "last_update": TIME,
        **ENVELOPE,
    },
    "backtest_progress": {
        "backtest_id": TEXT,
        "progress": NUMBER,
        "current_date": TEXT,
        "total_days": NUMBER,
        "completed_days": NUMBER,
        "estimated_remaining": NUMBER,
        "status": TEXT,
        **ENVELOPE,
    },
    "alerts": {"level": TEXT, "message": TEXT, "timestamp": TIME, "source": TEXT, **ENVELOPE},
}
PANDAS = {TIME: "datetime64[us, UTC]", NUMBER: "float64", INTEGER: "Int64", TEXT: "string", TRUTH: "bool"}
POLARS: Dict[str, Any] = {
    TIME: polars.Datetime("us", "UTC"),
    NUMBER: polars.Float64,
    INTEGER: polars.Int64,
    TEXT: polars.String,
    TRUTH: polars.Boolean,
}

both = pytest.mark.parametrize("convert", [to_pandas, to_polars])
every_channel = pytest.mark.parametrize("channel", CHANNELS)


def examples(channel: str) -> List[Any]:
    """The events that the channel's schema shows."""
    schema = json.loads((SCHEMAS / f"{channel}.json").read_text("utf-8"))
    return [PUSHES[channel].from_frame(frame, epoch="e1") for frame in schema["examples"]]


def least(channel: str) -> Any:
    """An event with nothing but what it must have, as a plain PUBLISH makes it."""
    schema = json.loads((SCHEMAS / f"{channel}.json").read_text("utf-8"))
    frame = schema["examples"][0]
    data = {name: frame["data"][name] for name in schema["properties"]["data"]["required"]}
    return PUSHES[channel].from_frame({**{name: frame[name] for name in schema["required"]}, "data": data})


def quote(price: float, **envelope: Any) -> MarketData:
    data = {"timestamp": 1701234567.89, "price": price, "volume": 1_000_000}
    return MarketData.from_frame({"symbol": "0700.HK", "data": data, **envelope})


@every_channel
def test_the_columns_and_types_of_pandas_are_the_same_for_all_some_and_no_events(channel: str) -> None:
    wanted = {name: PANDAS[kind] for name, kind in COLUMNS[channel].items()}
    for events in (examples(channel), [least(channel)], []):
        frame = to_pandas(events, channel)
        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == wanted
        assert list(frame.columns) == list(wanted)
        assert (frame.index.name, str(frame.index.dtype)) == ("time", "datetime64[us, UTC]")
        assert len(frame) == len(events)


@every_channel
def test_the_columns_and_types_of_polars_are_the_same_for_all_some_and_no_events(channel: str) -> None:
    wanted = {"time": POLARS[TIME], **{name: POLARS[kind] for name, kind in COLUMNS[channel].items()}}
    for events in (examples(channel), [least(channel)], []):
        frame = to_polars(events, channel)
        assert dict(frame.schema) == wanted
        assert frame.columns == list(wanted)
        assert len(frame) == len(events)


def test_the_times_are_those_that_the_schemas_call_unix_seconds() -> None:
    for channel in CHANNELS:
        properties = json.loads((SCHEMAS / f"{channel}.json").read_text("utf-8"))["properties"]
        described = {**properties, **properties["data"]["properties"]}
        unix = {name for name, each in described.items() if "unix" in each.get("description", "").lower()}
        assert {name for name, kind in COLUMNS[channel].items() if kind == TIME} == unix


def test_values_reach_pandas_to_the_microsecond_and_what_is_absent_is_missing() -> None:
    frame = to_pandas([quote(352.0, seq=43, published_at=PUBLISHED_AT, conflated=2), quote(352.2)])
    assert frame.index.tolist() == [QUOTED, QUOTED]
    first, raw = frame.iloc[0], frame.iloc[1]
    assert (first["symbol"], first["price"], first["volume"]) == ("0700.HK", 352.0, 1_000_000.0)
    assert (first["seq"], first["published_at"], first["conflated"]) == (43, PUBLISHED, 2)
    assert (first["snapshot"], first["recovered"], raw["conflated"]) == (False, False, 0)
    assert raw[["open", "seq", "published_at", "lost", "epoch"]].isna().all()


def test_values_reach_polars_to_the_microsecond_and_what_is_absent_is_missing() -> None:
    frame = to_polars([quote(352.0, seq=43, published_at=PUBLISHED_AT, conflated=2), quote(352.2)])
    first, raw = frame.rows(named=True)
    assert (first["time"], first["symbol"], first["price"]) == (QUOTED, "0700.HK", 352.0)
    assert (first["seq"], first["published_at"], first["conflated"]) == (43, PUBLISHED, 2)
    assert [raw[name] for name in ("open", "seq", "published_at", "lost", "epoch")] == [None] * 5


def test_a_backtests_time_is_when_its_progress_was_published() -> None:
    events = examples("backtest_progress")
    assert all(isinstance(event, BacktestProgress) for event in events)
    assert to_pandas(events).index.tolist() == [PUBLISHED] * len(events)
    assert to_polars(events)["time"].to_list() == [PUBLISHED] * len(events)


@pytest.mark.parametrize("timestamp", [1.7e12 * 1000, -1e300, 1e300])
def test_a_time_that_no_datetime_can_have_is_missing(timestamp: float) -> None:
    data = {"level": "warning", "message": "内存", "timestamp": timestamp, "source": "monitoring"}
    alert = Alert.from_frame({"data": data})
    assert to_pandas([alert])["timestamp"].isna().all()
    assert to_polars([alert])["timestamp"].to_list() == [None]


@both
def test_events_of_several_channels_are_refused(convert: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="one channel, and these are of alerts and market_data"):
        convert([quote(352.0), *examples("alerts")])
    with pytest.raises(ValueError, match="one channel, and these are of alerts and market_data"):
        convert([quote(352.0)], channel="alerts")


@both
def test_no_events_need_the_name_of_a_channel(convert: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="name the channel, for example channel='market_data'"):
        convert([])
    with pytest.raises(ValueError, match="there is no channel 'quotes'"):
        convert([], channel="quotes")


@both
def test_what_is_no_event_is_refused(convert: Callable[..., Any]) -> None:
    with pytest.raises(TypeError, match="'alerts'} is no event: give those that a subscription gave, in a list"):
        convert([{"type": "alerts"}])


@both
def test_events_may_come_from_any_iterable(convert: Callable[..., Any]) -> None:
    assert len(convert(quote(price) for price in (352.0, 352.2, 352.4))) == 3


@pytest.mark.parametrize("extra", ["pandas", "polars"])
def test_a_missing_extra_is_named_when_it_is_needed_and_not_before(extra: str) -> None:
    program = f"""
import sys
sys.modules.update(pandas=None, polars=None, numpy=None)
from tickcast import frames
try:
    frames.to_{extra}([], channel="alerts")
except ImportError as error:
    print(error)
"""
    environment = {"PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == (f"to_{extra} needs {extra}: pip install 'tickcast[{extra}]'\n", "")
