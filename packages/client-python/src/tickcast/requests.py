"""Messages that wait for their reply."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional

from ._generated import ErrorFrame
from .log import log

Frame = Mapping[str, Any]
Answered = Callable[[Frame], None]

# Of the client's own ids; an application that sends messages of its own has others.
PREFIX = "tickcast-"

_RETRY_AFTER = 1.0
# Of the server's rate, so that what others of this seat send has room too.
_SHARE = 0.5
# The server holds its errors back for no longer than this, s: what then has no answer may have been dropped unsaid.
_TOLD_WITHIN = 1.0


class _Request:
    def __init__(self, message: Dict[str, Any], answered: Answered) -> None:
        self.message = message
        self.answered = answered
        self.asked_at: Optional[float] = None
        self.timer: Optional[asyncio.TimerHandle] = None


class Requests:
    """Gives each message an `id`, finds the reply, and asks again where the server says: later."""

    def __init__(self, send: Callable[[Frame], None]) -> None:
        self.rate = 100.0
        """Messages a second that the server takes."""
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._waiting: Dict[str, _Request] = {}
        self._count = 0
        # Those to ask again, one after the other.
        self._again: Deque[str] = deque()
        self._pacer: Optional[asyncio.TimerHandle] = None

    @property
    def oldest(self) -> Optional[float]:
        """Since when the longest unanswered one waits, by the loop's clock; None where all are answered or held."""
        return min((each.asked_at for each in self._waiting.values() if each.asked_at is not None), default=None)

    def ask(self, message: Dict[str, Any], answered: Answered) -> None:
        """Sends the message. `answered` gets the reply, or an error that is not only for now."""
        self._count += 1
        request_id = f"{PREFIX}{self._count}"
        self._waiting[request_id] = _Request({**message, "id": request_id}, answered)
        if self._again:
            self._again.append(request_id)
        else:
            self._ask(request_id)

    def reply(self, frame: Frame) -> None:
        """A frame with an `id`. Raises `ValueError` where it is not what it should be; then it still waits for one."""
        request_id = str(frame["id"])
        request = self._waiting.get(request_id)
        if request is None:
            return
        if frame.get("type") == "error":
            error = ErrorFrame.from_frame(frame)
            after = _RETRY_AFTER if error.retry_after_ms is None else error.retry_after_ms / 1000
            if error.error == "rate_limited":
                self._slow_down(after)
                return
            if error.error == "backplane_unavailable":
                self._ask_later(request_id, after)
                return
        request.answered(frame)
        self._waiting.pop(request_id, None)

    def _ask_later(self, request_id: str, after: float) -> None:
        request = self._waiting[request_id]
        request.asked_at = None
        request.timer = self._loop.call_later(after, self._ask, request_id)

    def stop(self) -> None:
        """Nothing is asked or awaited any more."""
        for timer in [self._pacer, *(request.timer for request in self._waiting.values())]:
            if timer is not None:
                timer.cancel()
        self._waiting.clear()

    def _ask(self, request_id: str) -> None:
        request = self._waiting.get(request_id)
        if request is None:
            return
        if request.asked_at is None:
            request.asked_at = self._loop.time()
        self._send(request.message)

    def _slow_down(self, after: float) -> None:
        """The server dropped a message. It tells of ten a second at most, so others may have been dropped as well."""
        dropped = self._unanswered()
        for each in dropped:
            self._waiting[each].asked_at = None
        # In the order of asking, before what was asked since: a goodbye must not come after what follows it.
        self._again = deque(dict.fromkeys([*dropped, *self._again]))
        log.debug("over the rate limit: %d requests are sent again from in %.3f s on", len(dropped), after)
        if self._pacer is not None:
            self._pacer.cancel()
        self._pacer = self._loop.call_later(after, self._next)

    def _unanswered(self) -> List[str]:
        return [each for each, request in self._waiting.items() if request.asked_at is not None]

    def _next(self) -> None:
        self._pacer = None
        if not self._again:
            # Some of what was sent again may have been dropped without a word too.
            self._again.extend(self._unanswered())
        while self._again:
            request_id = self._again.popleft()
            if request_id in self._waiting:
                wait = 1 / (self.rate * _SHARE) if self._again else _TOLD_WITHIN
                self._pacer = self._loop.call_later(wait, self._next)
                self._ask(request_id)
                return
