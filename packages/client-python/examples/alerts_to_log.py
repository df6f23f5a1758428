"""Appends every alert to a log file: each once, in order, over restarts and crashes of this program.

    TICKCAST_TOKEN=... python alerts_to_log.py alerts.log

A position file beside the log, alerts.log.position, says which alert was the last and how long the log was then. At
the next start the server sends what came since (it keeps alerts for 24 hours by default). A line that a crash left
behind that length is cut off first: its alert comes again. Alerts that are gone for good are a line of the log too.

Ends with Ctrl-C, and by itself only when the server refuses it for good, for example when the token has expired: give
`connect` a function in place of the string to get a new one each time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Optional

import tickcast


def describe_time(seconds: float) -> str:
    """ISO 8601 in UTC; as a number where it is no time: the alert is written all the same."""
    try:
        return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
    except (OSError, OverflowError, ValueError):
        return str(seconds)


class AlertLog:
    """A log file with its position file, which is never ahead of it."""

    def __init__(self, path: Path) -> None:
        self._position_file = path.with_name(path.name + ".position")
        self.since: Optional[tickcast.Since] = None
        self._file = path.open("ab")
        if self._position_file.exists():
            position = json.loads(self._position_file.read_text("utf-8"))
            self.since = tickcast.Since(position["epoch"], position["seq"])
            if self._file.tell() > position["length"]:
                self._file.truncate(position["length"])

    def append(self, seconds: float, level: str, source: str, message: str) -> None:
        """Writes one line, with a time given in Unix seconds."""
        # A line break in a message must not look like another alert.
        text = " ".join(f"{describe_time(seconds)} {level.upper()} {source} {message}".split())
        self._file.write(f"{text}\n".encode("utf-8", "replace"))
        self._file.flush()

    def keep(self, epoch: str, seq: int) -> None:
        """Says that the log is complete up to this alert."""
        self.since = tickcast.Since(epoch, seq)
        position = {"epoch": epoch, "seq": seq, "length": self._file.tell()}
        # Replaced in one step: after a crash the file is the old one or the new one.
        draft = self._position_file.with_name(self._position_file.name + ".new")
        draft.write_text(json.dumps(position), "utf-8")
        draft.replace(self._position_file)


async def follow(url: str, token: str, path: Path) -> None:
    """Appends alerts until it is cancelled, or refused for good."""
    log = AlertLog(path)
    async with tickcast.connect(url, token=token, max_attempts=math.inf) as client:

        @client.on("gap")
        async def note(gap: tickcast.LostEvents) -> None:
            number = "some" if gap.lost is None else gap.lost
            log.append(time.time(), "lost", "alerts_to_log", f"{number} alerts are lost, from number {gap.from_} on")

        # The server keeps up to 10,000 alerts, and they may come all at once.
        async with client.alerts(since=log.since, overflow=tickcast.Error(50_000)) as alerts:
            if log.since is None:
                # The first start: alerts are not missed from here on, even if it ends before the first one.
                stream = client.streams()[0]
                if stream.epoch is not None and stream.last_seq is not None:
                    log.keep(stream.epoch, stream.last_seq)
            print(f"appending alerts to {path}", file=sys.stderr, flush=True)
            async for alert in alerts:
                log.append(alert.data.timestamp, alert.data.level, alert.data.source, alert.data.message)
                if alert.seq is not None and alert.epoch is not None:
                    log.keep(alert.epoch, alert.seq)
                elif alert.seq is None and log.since is not None:
                    # Published outside numbering, it never comes again: the log is complete with it, at the same place.
                    log.keep(*log.since)


def main() -> int:
    parser = argparse.ArgumentParser(description="Appends every alert to a log file.")
    parser.add_argument("log", type=Path, help="for example alerts.log")
    parser.add_argument("--url", default=os.environ.get("TICKCAST_URL", "ws://localhost:8001/api/v1/websocket"))
    parser.add_argument("--token", default=os.environ.get("TICKCAST_TOKEN"), help="or the variable TICKCAST_TOKEN")
    arguments = parser.parse_args()
    if arguments.token is None:
        parser.error("there is no token: set TICKCAST_TOKEN or give --token")
    try:
        asyncio.run(follow(arguments.url, arguments.token, arguments.log))
    except tickcast.TickcastError as error:
        print(f"alerts_to_log: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
