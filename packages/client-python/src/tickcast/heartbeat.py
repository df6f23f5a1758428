"""Whether the peer is alive, and what its clock says."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Callable, Deque, Optional, Tuple

_TICKS = 4
_STALE_AFTER = 1.5
_DEAD_AFTER = 2.5
# So many times in a row the timer may be held up before the silence counts all the same.
_MOST_HELD_UP = 2
# A request is given an interval, but never less than a busy machine may take, s.
_LEAST_REPLY_TIME = 1.0
_SAMPLES = 8


class Heartbeat:
    """Calls `ping` every interval, `quiet` when silence begins or ends to be long, and `dead` when it is too long."""

    def __init__(
        self,
        interval: float,
        *,
        ping: Callable[[], None],
        quiet: Callable[[bool], None],
        dead: Callable[[], None],
        oldest_request: Callable[[], Optional[float]],
    ) -> None:
        self._interval = interval
        self._tick_time = interval / _TICKS
        self._ping = ping
        self._quiet = quiet
        self._dead = dead
        self._oldest_request = oldest_request
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._heard_at = now
        self._pinged_at = now
        self._judged_from = now
        self._held_up = 0
        self._is_quiet = False
        self._due = now + self._tick_time
        self._timer = self._loop.call_at(self._due, self._tick)

    def heard(self) -> None:
        """Something came from the peer."""
        self._heard_at = self._loop.time()
        self._held_up = 0
        if self._is_quiet:
            self._is_quiet = False
            self._quiet(False)

    def stop(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        now = self._loop.time()
        held_up = now - self._due > self._interval / 2 and self._held_up < _MOST_HELD_UP
        self._due = now + self._tick_time
        self._timer = self._loop.call_at(self._due, self._tick)
        if held_up:
            self._held_up += 1
            # What came meanwhile is not read yet: the silence was our own.
            self._judged_from = now
        silence = now - max(self._heard_at, self._judged_from)
        oldest = self._oldest_request()
        unanswered = 0.0 if oldest is None else now - max(oldest, self._judged_from)
        if silence > _DEAD_AFTER * self._interval or unanswered > max(self._interval, _LEAST_REPLY_TIME):
            self._dead()
            return
        if held_up or now - self._pinged_at >= self._interval - self._tick_time / 2:
            self._pinged_at = now
            self._ping()
        if silence > _STALE_AFTER * self._interval and not self._is_quiet:
            self._is_quiet = True
            self._quiet(True)


class ServerClock:
    """The server's clock, from the times in its answers to pings."""

    def __init__(self) -> None:
        # Round trip and offset; the shortest trip tells best.
        self._samples: Deque[Tuple[float, float]] = deque(maxlen=_SAMPLES)
        self._offset = 0.0

    def renew(self) -> None:
        """Another node may have another clock."""
        self._samples.clear()

    def answered(self, sent_at: float, server_time: float) -> None:
        """`sent_at` is the Unix time of this machine when the ping was sent."""
        now = time.time()
        self._samples.append((max(0.0, now - sent_at), server_time - (sent_at + now) / 2))
        self._offset = min(self._samples)[1]

    def now(self) -> float:
        """Unix time in seconds."""
        return time.time() + self._offset
