"""Events as data frames of pandas or polars, which are imported when they are asked for and not before."""

from __future__ import annotations

import importlib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, get_type_hints

from ._generated import CHANNELS, PUSHES, Push

if TYPE_CHECKING:
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
    import polars as pl

# Fields that are Unix seconds. The first of them that a channel has is the time of its events.
_TIMES = ("timestamp", "last_update", "published_at")

# The years that Python's own datetime has, 1 to 9999, in Unix seconds.
_FIRST_SECOND, _END = -62_135_596_800, 253_402_300_800


class _Column(NamedTuple):
    name: str
    kind: str
    """`time` (values are whole microseconds), `number`, `integer`, `text` or `truth`."""
    values: List[Any]


def to_pandas(events: Iterable[Push], channel: Optional[str] = None) -> pd.DataFrame:
    """A row for each event of one channel; the columns and their types are the same whatever the events are.

    The columns are the fields of the event in their order, those of `data` among them, without `raw`. Times are
    `datetime64[us, UTC]`, other numbers `float64`, integers `Int64`, texts `string`, truths `bool`. What an event
    does not have is missing, and so is a time outside the years 1 to 9999. The index, `time`, is when the event
    happened: its `timestamp` or `last_update`, or, of `backtest_progress`, which has neither, its `published_at`.

    `channel` is needed where there may be no events. Raises `ValueError` without it then, and for events of several
    channels; `TypeError` for what is no event; `ImportError` where pandas is not installed.
    """
    pandas, numpy = _extra("pandas"), _extra("pandas", "numpy")
    columns, time = _columns(events, channel)
    types = {"number": "float64", "integer": "Int64", "text": "string", "truth": "bool"}

    def series(column: _Column) -> Any:
        if column.kind != "time":
            return pandas.Series(column.values, dtype=types[column.kind])
        # pandas itself would take the unit of times from its version.
        return pandas.Series(numpy.array(column.values, dtype="datetime64[us]")).dt.tz_localize("UTC")

    frame: pd.DataFrame = pandas.DataFrame({column.name: series(column) for column in columns})
    frame.index = pandas.DatetimeIndex(frame[time], name="time")
    return frame


def to_polars(events: Iterable[Push], channel: Optional[str] = None) -> pl.DataFrame:
    """As `to_pandas`; times are `Datetime("us", "UTC")`, and what is the index there is the first column, `time`."""
    polars = _extra("polars")
    columns, time = _columns(events, channel)
    types = {
        "time": polars.Datetime("us", "UTC"),
        "number": polars.Float64,
        "integer": polars.Int64,
        "text": polars.String,
        "truth": polars.Boolean,
    }
    series = [polars.Series(name, values, dtype=types[kind]) for name, kind, values in columns]
    frame: pl.DataFrame = polars.DataFrame(series).select(polars.col(time).alias("time"), polars.all())
    return frame


def _columns(events: Iterable[Push], channel: Optional[str]) -> Tuple[List[_Column], str]:
    """The columns of these events, and the name of the one that is their time."""
    rows = list(events)
    event_type = _event_type(rows, channel)
    own, data = _kinds(event_type), _kinds(get_type_hints(event_type)["data"])
    columns: List[_Column] = []
    for name, kind in own.items():
        if name == "data":
            columns += (_column(part, data[part], (row.data for row in rows)) for part in data)
        elif name != "raw":
            columns.append(_column(name, kind, rows))
    return columns, next(name for name in _TIMES if name in {**data, **own})


def _event_type(rows: List[Push], channel: Optional[str]) -> type:
    if channel is not None and channel not in CHANNELS:
        raise ValueError(f"there is no channel {channel!r}: give one of {', '.join(CHANNELS)}")
    for row in rows:
        if not isinstance(row, tuple(PUSHES.values())):
            raise TypeError(f"{row!r:.60} is no event: give those that a subscription gave, in a list")
    found = {row.channel for row in rows}
    if channel is not None:
        found.add(channel)
    if not found:
        raise ValueError("there are no events to tell the columns: name the channel, for example channel='market_data'")
    if len(found) > 1:
        raise ValueError(f"a frame has the events of one channel, and these are of {' and '.join(sorted(found))}")
    event_type: type = PUSHES[found.pop()]
    return event_type


def _kinds(frame_type: type) -> Dict[str, str]:
    """What kind of column each field of a generated class is."""
    kinds = {str: "text", float: "number", int: "integer", bool: "truth"}
    hints = get_type_hints(frame_type)

    def kind(name: str) -> str:
        if name in _TIMES:
            return "time"
        hint = hints[name]
        # An optional type is a union whose first part is the type.
        return kinds.get(getattr(hint, "__args__", (hint,))[0], "")

    return {field.name: kind(field.name) for field in fields(frame_type)}


def _column(name: str, kind: str, owners: Iterable[Any]) -> _Column:
    values = [getattr(owner, name) for owner in owners]
    return _Column(name, kind, [_microseconds(value) for value in values] if kind == "time" else values)


def _microseconds(seconds: Optional[float]) -> Optional[int]:
    if seconds is None or not _FIRST_SECOND <= seconds < _END:
        return None
    return round(seconds * 1_000_000)


def _extra(name: str, module: str = "") -> Any:
    try:
        return importlib.import_module(module or name)
    except ImportError as error:
        raise ImportError(f"to_{name} needs {name}: pip install 'tickcast[{name}]'") from error
