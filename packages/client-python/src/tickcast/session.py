"""The life of one connection: hello, frames, the heartbeat, and why it ended."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Dict, Optional, Protocol, cast

from ._generated import PUSHES, ErrorCode, ErrorFrame, Gap, Pong, Push, Status, TokenExpiring, Welcome
from .closes import CLOSING_ERRORS, Ending, ending_of
from .errors import TickcastError, caused_by
from .heartbeat import Heartbeat, ServerClock
from .link import Link, LinkClosedError
from .log import log
from .requests import PREFIX, Answered, Requests

_PING_ID = f"{PREFIX}ping"
_REPLIES = ("pong", "welcome", "subscribed", "unsubscribed", "authenticated", "subscriptions")


class Owner(Protocol):
    """Who is told what happens on a connection. Nothing here may wait."""

    def welcomed(self, session: Session, welcome: Welcome) -> None: ...
    def pushed(self, event: Push) -> None: ...
    def gap_declared(self, gap: Gap) -> None: ...
    def status_changed(self, status: Status) -> None: ...
    def token_expiring(self, notice: TokenExpiring) -> None: ...
    def error_told(self, error: ErrorFrame) -> None: ...
    def invalid_frame(self, error: TickcastError) -> None: ...
    def quiet(self, is_quiet: bool) -> None: ...
    def unclaimed(self, frame: Dict[str, Any]) -> None:
        """What is for nobody in here: errors, and replies to messages of the application's own."""


class Session:
    """A connection that is open."""

    def __init__(
        self, link: Link, owner: Owner, clock: ServerClock, *, ping_interval: float, arrive_within: float
    ) -> None:
        self._link = link
        self._owner = owner
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._requests = Requests(self.send)
        self._last_error: Optional[ErrorFrame] = None
        self._last_error_at = 0.0
        self._failure: Optional[TickcastError] = None
        self._heartbeat: Optional[Heartbeat] = None
        self._ping_interval = ping_interval
        self._arrival = self._loop.call_later(
            arrive_within, self._give_up, "no_answer", f"the connection was not live within {arrive_within:g} s"
        )

    def arrived(self) -> None:
        """It is live: it need not hurry any more."""
        self._arrival.cancel()

    def send(self, message: Any) -> None:
        self._link.send(json.dumps(message, separators=(",", ":")))

    def ask(self, message: Dict[str, Any], answered: Answered) -> None:
        """Sends a message with an `id`, again where the server says so. `answered` gets the reply, or the error."""
        self._requests.ask(message, answered)

    async def run(self) -> Ending:
        """Until the connection has ended."""
        sent_at = time.time()

        def welcomed(frame: Any) -> None:
            if frame.get("type") == "error":
                raise ValueError(f"hello was answered with {frame.get('error')!r:.80}")
            welcome = Welcome.from_frame(frame)
            self._clock.renew()
            self._clock.answered(sent_at, welcome.server_time)
            self._heartbeat = self._begin_heartbeat()
            self._requests.rate = max(1.0, welcome.limits.messages_per_second)
            self._owner.welcomed(self, welcome)

        self.ask({"type": "hello"}, welcomed)
        try:
            while True:
                received = await self._link.receive()
                if self._heartbeat is not None:
                    self._heartbeat.heard()
                self._take(received)
        except LinkClosedError as closed:
            await self._link.ended()
            if self._failure is not None:
                return Ending(self._failure, "backoff", 0.0)
            after = 0.0
            if self._last_error is not None and self._last_error.retry_after_ms is not None:
                after = max(0.0, self._last_error_at + self._last_error.retry_after_ms / 1000 - self._loop.time())
            return ending_of(closed, self._last_error, after)
        finally:
            self._stop()

    async def close(self) -> None:
        """With a close frame."""
        self._stop()
        await self._link.close()

    def _stop(self) -> None:
        self._requests.stop()
        if self._heartbeat is not None:
            self._heartbeat.stop()
        self._arrival.cancel()

    def _begin_heartbeat(self) -> Heartbeat:
        """Not before the welcome, which may have to wait for the seat."""
        return Heartbeat(
            self._ping_interval,
            ping=lambda: self.send({"type": "ping", "id": _PING_ID, "timestamp": time.time()}),
            quiet=self._owner.quiet,
            dead=lambda: self._give_up("no_answer", "the server was silent for too long"),
            oldest_request=lambda: self._requests.oldest,
        )

    def _give_up(self, code: ErrorCode, detail: str) -> None:
        self._failure = TickcastError(code, detail)
        self._link.abort()

    def _take(self, received: Any) -> None:
        if self._failure is not None:
            return
        try:
            if not isinstance(received, str):
                raise ValueError("it is binary")
            frame: Any = json.loads(received)
            if not isinstance(frame, dict):
                raise ValueError("it is no object")
            self._dispatch(cast("Dict[str, Any]", frame), received)
        except Exception as error:
            # Whatever a frame causes is not the end of the client. What it was is not told: a welcome has the seat.
            detail = f"the server sent {len(received)} characters that are no message of the protocol: {error}"
            self._owner.invalid_frame(caused_by(TickcastError("invalid_frame", detail), error))

    def _dispatch(self, frame: Dict[str, Any], text: str) -> None:
        kind = frame.get("type")
        event_type = PUSHES.get(kind) if isinstance(kind, str) else None
        if event_type is not None:
            self._owner.pushed(event_type.from_frame(frame, raw=text))
        elif str(frame.get("id", "")).startswith(PREFIX):
            self._reply(frame)
        elif kind == "gap":
            self._owner.gap_declared(Gap.from_frame(frame))
        elif kind == "status":
            self._owner.status_changed(Status.from_frame(frame))
        elif kind == "token_expiring":
            self._owner.token_expiring(TokenExpiring.from_frame(frame))
        elif kind == "error":
            error = ErrorFrame.from_frame(frame)
            if error.id is None:
                self._error(error)
            self._owner.unclaimed(frame)
        elif kind in _REPLIES:
            self._owner.unclaimed(frame)
        else:
            raise ValueError(f"its type is {kind!r:.80}")

    def _reply(self, frame: Dict[str, Any]) -> None:
        if frame["id"] != _PING_ID:
            self._requests.reply(frame)
        elif frame.get("type") == "pong":
            pong = Pong.from_frame(frame)
            if pong.timestamp is not None:
                self._clock.answered(pong.timestamp, pong.server_time)

    def _error(self, error: ErrorFrame) -> None:
        if error.error in CLOSING_ERRORS:
            # The close that follows tells whether it is one.
            self._last_error = error
            self._last_error_at = self._loop.time()
            log.debug("the server says %s", error.error)
        else:
            self._owner.error_told(error)
