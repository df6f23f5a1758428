"""Quotes of one stock into a pandas frame, resampled to 1-minute bars: as CSV on the standard output, plotted to a PNG.

    pip install 'tickcast[pandas]' matplotlib
    TICKCAST_TOKEN=... python quotes_to_bars.py 0700.HK --bars 5 --png bars.png

A bar is complete when a quote of a later minute has come; the first one begins with the first quote that came. Ctrl-C
ends the collecting early, and makes bars of what there is. Minutes are those of the quotes' own time. `volume` of a
quote is that of the day so far, so a bar has the difference; a price that the server merged into a later one (of more
than 10 in a second) is in no bar, its volume is.

It is written with `tickcast.sync`, as in a notebook.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from datetime import timedelta, timezone
from typing import Set

import pandas as pd
from matplotlib.figure import Figure

import tickcast
from tickcast import sync

HONG_KONG = timezone(timedelta(hours=8), "HKT")
# As on screens in Hong Kong, and the other way round than on the mainland: green is up.
UP, DOWN = "#2e7d32", "#c62828"


def collect(client: sync.Client, symbol: str, count: int) -> pd.DataFrame:
    """The quotes of so many full minutes, and the last known one of before."""
    quotes = []
    minutes: Set[float] = set()
    # Every quote counts here, so none is passed over when the program is busy.
    with client.market_data(symbol, overflow=tickcast.Buffer(100_000)) as stream:
        print(f"collecting quotes of {symbol}", file=sys.stderr, flush=True)
        try:
            for quote in stream:
                minute = quote.data.timestamp // 60
                if not quote.snapshot and minute not in minutes:
                    if len(minutes) == count:
                        break
                    minutes.add(minute)
                    print(f"minute {len(minutes)} of {count}", file=sys.stderr, flush=True)
                quotes.append(quote)
        except KeyboardInterrupt:
            print("interrupted: the last bar is not complete", file=sys.stderr)
    return tickcast.to_pandas(quotes, channel="market_data")


def to_bars(quotes: pd.DataFrame) -> pd.DataFrame:
    """Open, high, low, close and volume of each minute that has quotes."""
    traded = quotes["volume"].diff()
    # A smaller volume than before is that of a new day. Of the first quote nobody knows what was before.
    traded = traded.mask(traded < 0, quotes["volume"]).fillna(0.0)
    # The snapshot is where the volume is counted from; it happened before, maybe long before.
    live = ~quotes["snapshot"]
    bars = quotes.loc[live, "price"].resample("1min").ohlc()
    bars["volume"] = traded[live].resample("1min").sum()
    return bars.dropna()


def plot(bars: pd.DataFrame, symbol: str, path: str) -> None:
    """Candles above, volume below, 1000 x 600 pixels."""
    figure = Figure(figsize=(10, 6), dpi=100, layout="constrained")
    candles, volumes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    places = range(len(bars))
    width = min(0.6, len(bars) / 20)
    colours = [UP if close >= open else DOWN for open, close in zip(bars["open"], bars["close"])]
    candles.vlines(places, bars["low"], bars["high"], colors=colours, linewidth=1)
    bottoms = bars[["open", "close"]].min(axis=1)
    # A bar that closes where it opened is a line, not nothing.
    heights = (bars["close"] - bars["open"]).abs().clip(lower=0.005 * (bars["high"].max() - bars["low"].min()))
    candles.bar(places, heights, bottom=bottoms, color=colours, width=width)
    volumes.bar(places, bars["volume"], color=colours, width=width)
    times = bars.index.tz_convert(HONG_KONG).strftime("%H:%M")
    labelled = places[:: math.ceil(len(bars) / 12)]
    volumes.set_xticks(labelled, [times[place] for place in labelled])
    volumes.set_xlabel(f"Hong Kong time, {bars.index[0].tz_convert(HONG_KONG):%Y-%m-%d}")
    volumes.set_ylabel("Volume, shares")
    candles.set_ylabel("Price")
    candles.set_title(f"{symbol}, 1-minute bars")
    for axes in (candles, volumes):
        axes.set_axisbelow(True)
        axes.grid(axis="y", alpha=0.3)
    figure.align_ylabels()
    figure.savefig(path)


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes 1-minute bars of the quotes of a stock.")
    parser.add_argument("symbol", help="for example 0700.HK")
    parser.add_argument("--bars", type=int, default=5, help="how many to wait for; 5 when absent")
    parser.add_argument("--png", default="bars.png", help="where the picture goes; bars.png when absent")
    parser.add_argument("--url", default=os.environ.get("TICKCAST_URL", "ws://localhost:8001/api/v1/websocket"))
    parser.add_argument("--token", default=os.environ.get("TICKCAST_TOKEN"), help="or the variable TICKCAST_TOKEN")
    arguments = parser.parse_args()
    if arguments.token is None:
        parser.error("there is no token: set TICKCAST_TOKEN or give --token")
    try:
        with sync.connect(arguments.url, token=arguments.token) as client:
            quotes = collect(client, arguments.symbol, arguments.bars)
    except tickcast.TickcastError as error:
        print(f"quotes_to_bars: {error}", file=sys.stderr)
        return 1
    bars = to_bars(quotes)
    if bars.empty:
        print("quotes_to_bars: no quote came, so there are no bars", file=sys.stderr)
        return 1
    bars.to_csv(sys.stdout)
    plot(bars, arguments.symbol, arguments.png)
    return 0


if __name__ == "__main__":
    sys.exit(main())
