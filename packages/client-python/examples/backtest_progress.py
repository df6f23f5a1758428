"""A progress bar of one backtest in the terminal, until it is over.

    TICKCAST_TOKEN=... python backtest_progress.py bt_123456

Where the output is no terminal it is a line for each report. A backtest that is over already is told at once.

Exit codes: 0 completed, 1 failed, 2 wrong usage, 3 cancelled, 4 no connection, or a refused one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import timedelta

import tickcast

EXIT_CODES = {"completed": 0, "failed": 1, "cancelled": 3}
NO_CONNECTION = 4
WIDTH = 30


def describe(event: tickcast.BacktestProgress) -> str:
    """One line: the bar, and what is known besides."""
    state = event.data
    share = min(max(state.progress, 0.0), 1.0)
    bar = ("#" * round(share * WIDTH)).ljust(WIDTH, "-")
    days = f"{state.completed_days:.0f} of {state.total_days:.0f} days"
    left = timedelta(seconds=round(max(state.estimated_remaining, 0)))
    end = state.status if state.status in EXIT_CODES else f"{left} left"
    return f"{event.backtest_id} [{bar}] {share:6.1%}  {state.current_date}  {days}  {end}"


async def follow(url: str, token: str, backtest_id: str) -> int:
    """Shows the progress, and answers the exit code."""
    in_place = sys.stdout.isatty()
    async with tickcast.connect(url, token=token) as client, client.backtest_progress(backtest_id) as reports:
        async for report in reports:
            line = describe(report)
            # In a terminal: to the start of the line, and what a longer one left behind is erased.
            print(f"\r{line}\x1b[K" if in_place else f"{line}\n", end="", flush=True)
            if report.data.status in EXIT_CODES:
                if in_place:
                    print()
                return EXIT_CODES[report.data.status]
    raise AssertionError("a subscription ends by itself only with an error")


def main() -> int:
    parser = argparse.ArgumentParser(description="Shows the progress of a backtest until it is over.")
    parser.add_argument("backtest_id", help="for example bt_123456")
    parser.add_argument("--url", default=os.environ.get("TICKCAST_URL", "ws://localhost:8001/api/v1/websocket"))
    parser.add_argument("--token", default=os.environ.get("TICKCAST_TOKEN"), help="or the variable TICKCAST_TOKEN")
    arguments = parser.parse_args()
    if arguments.token is None:
        parser.error("there is no token: set TICKCAST_TOKEN or give --token")
    try:
        return asyncio.run(follow(arguments.url, arguments.token, arguments.backtest_id))
    except tickcast.TickcastError as error:
        print(f"backtest_progress: {error}", file=sys.stderr)
        return NO_CONNECTION
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
