"""The life of a client's connection: attempts, states, resuming, the end; CLIENTS.md, sections 1 to 3."""

from __future__ import annotations

import asyncio
from typing import Any, Callable, Dict, Mapping, Optional, Set

from ._generated import Authenticated, ErrorFrame, Gap, Push, Status, TokenExpiring, Welcome
from .closes import Ending
from .errors import TickcastError, caused_by, server_error
from .failures import Failures
from .heartbeat import ServerClock
from .link import open_link
from .log import log
from .options import Options
from .position import LostEvents
from .session import Session
from .states import State, States
from .tokens import TokenSource
from .topics import Topics

Tell = Callable[[str, Any], None]
Unclaimed = Callable[[Dict[str, Any]], None]

_ARRIVE_WITHIN = 10.0
# Refusals that another attempt may well not meet.
_PASSING_STATUSES = (408, 429)


class Connection:
    """Connects, comes back, and gives up; is what its sessions tell things to."""

    def __init__(self, options: Options, tell: Tell, unclaimed: Unclaimed = lambda _frame: None) -> None:
        """`unclaimed` gets errors of the server, and replies to what was sent by `send`."""
        self._options = options
        self._unclaimed = unclaimed
        self._tell = tell
        self._clock = ServerClock()
        self._tokens = TokenSource(options.token)
        self._states = States(
            lambda change: tell("state", change), lambda: self._failures.forget(), options.healthy_after
        )
        self._task: Optional[asyncio.Task[None]] = None
        self._is_closing = False
        self._errands: Set[asyncio.Task[None]] = set()
        self._begin()

    def _begin(self) -> None:
        self.topics = Topics(gap=self._lost, settled=self._settled, server_time=self._clock.now)
        self._session: Optional[Session] = None
        self._seat: Optional[str] = None
        self._first_arrival: Optional[asyncio.Future[None]] = None
        self._final: Optional[TickcastError] = None
        self._failures = Failures(
            max_attempts=self._options.max_attempts, backoff=self._options.backoff, can_renew=self._tokens.can_renew
        )

    @property
    def state(self) -> State:
        return self._states.state

    @property
    def is_open(self) -> bool:
        """Connected, or on its way."""
        return self._task is not None

    def start(self) -> None:
        """Begins to connect; from now on it can be subscribed to."""
        if self._task is None:
            self._begin()
            self._first_arrival = asyncio.get_running_loop().create_future()
            self._states.connecting()
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def connected(self) -> None:
        """Returns when it is live. Raises the final `TickcastError`."""
        if self._first_arrival is not None:
            await asyncio.shield(self._first_arrival)

    async def ended(self) -> None:
        """Returns when it is closed. Raises the final `TickcastError`."""
        if self._task is not None:
            await asyncio.wait([self._task])
        if self._final is not None:
            raise self._final

    def send(self, message: Any) -> None:
        """Sends a message of the application's own; where there is no connection it is dropped."""
        if self._session is not None:
            self._session.send(message)

    async def close(self) -> None:
        """Says goodbye; returns when nothing is left running."""
        task = self._task
        if task is None:
            return
        # A second cancel would cut the goodbye short.
        if not self._is_closing:
            self._is_closing = True
            task.cancel()
        await asyncio.wait([task, *self._errands])
        # One that is cancelled before its first step never comes to its own end.
        if self._task is task:
            self._end(None)

    async def _run(self) -> None:
        error: Optional[TickcastError] = None
        try:
            error = await self._keep_connected()
        except asyncio.CancelledError:
            pass
        except Exception as bug:
            log.exception("the client ends by a fault of its own")
            detail = f"the client ends by a fault of its own: {bug!r}"
            error = caused_by(TickcastError("connection_failed", detail), bug)
        finally:
            self._end(error)

    def _end(self, error: Optional[TickcastError]) -> None:
        self._task = None
        self._is_closing = False
        self._final = error
        for errand in self._errands:
            errand.cancel()
        self._states.closed(error)
        self.topics.end(error)
        arrival = self._first_arrival
        if arrival is not None and not arrival.done():
            arrival.set_exception(error or TickcastError("not_connected", "the client was closed"))
            # Nobody need wait for it.
            arrival.exception()

    async def _keep_connected(self) -> TickcastError:
        """One connection after the other; the error with which they end."""
        while True:
            ending = await self._stay()
            log.debug("the connection ended: %s", ending.error)
            failure, final, wait, token_refused = self._failures.judge(ending)
            if token_refused:
                self._tokens.refused()
            if failure is not None:
                self._told(failure)
            if final is not None:
                if final is not failure:
                    self._told(final)
                return final
            self._states.lost()
            if wait > 0:
                log.debug("the next attempt is in %.3f s", wait)
                await asyncio.sleep(wait)

    async def _stay(self) -> Ending:
        """One connection, from the attempt to its end."""
        options = self._options
        try:
            token = await self._tokens.get(self._clock.now())
            log.debug("connecting to %s, %s a seat", options.shown_url, "with" if self._seat else "without")
            link = await open_link(options.url_with(self._seat), token, ssl=options.ssl, within=_ARRIVE_WITHIN)
        except TickcastError as error:
            status = error.status or 0
            is_final = 400 <= status < 500 and status not in _PASSING_STATUSES
            is_final = is_final or (error.code == "token_unavailable" and not self._tokens.can_renew)
            return Ending(error, "never" if is_final else "backoff", error.retry_after or 0.0)
        session = Session(link, self, self._clock, ping_interval=options.ping_interval, arrive_within=_ARRIVE_WITHIN)
        try:
            return await session.run()
        except BaseException:
            # Closed by the application, or by a fault: the seat is free for others.
            await session.close()
            raise
        finally:
            self._session = None
            self.topics.disconnected()

    # What sessions tell.

    def welcomed(self, session: Session, welcome: Welcome) -> None:
        log.debug("welcomed by %s", welcome.node)
        self._session = session
        self._seat = welcome.seat
        self._tokens.expires_at = welcome.expires_at
        self.topics.connected(session)

    def pushed(self, event: Push) -> None:
        self.topics.push(event)

    def gap_declared(self, gap: Gap) -> None:
        self.topics.gap(gap)

    def status_changed(self, status: Status) -> None:
        log.debug("the node says: %s", status.state)
        self._tell("notice", status)
        if status.state == "draining":
            self._states.noted(draining=True)
        elif status.state in ("degraded", "restored"):
            self._states.noted(degraded=status.state == "degraded")

    def token_expiring(self, notice: TokenExpiring) -> None:
        log.debug("the token is about to expire")
        self._tell("notice", notice)
        if self._tokens.can_renew and self._session is not None:
            errand = asyncio.get_running_loop().create_task(self._renew(self._session))
            self._errands.add(errand)
            errand.add_done_callback(self._errands.discard)

    def error_told(self, error: ErrorFrame) -> None:
        if error.error == "forbidden":
            self.topics.check_permissions()
            return
        retry_after = None if error.retry_after_ms is None else error.retry_after_ms / 1000
        self._told(server_error(error, retry_after=retry_after))

    def invalid_frame(self, error: TickcastError) -> None:
        self._told(error)

    def unclaimed(self, frame: Dict[str, Any]) -> None:
        self._unclaimed(frame)

    def quiet(self, is_quiet: bool) -> None:
        self._states.noted(quiet=is_quiet)

    def _told(self, error: TickcastError) -> None:
        log.warning("%s", error)
        self._tell("error", error)

    def _lost(self, gap: LostEvents) -> None:
        log.warning("events of %s are lost: %s", gap.channel, gap)
        self._tell("gap", gap)

    async def _renew(self, session: Session) -> None:
        try:
            token = await self._tokens.renew()
        except TickcastError as error:
            # The connection is as good as before until the old one expires.
            self._told(error)
            return

        def answered(frame: Mapping[str, Any]) -> None:
            if frame.get("type") == "error":
                self._tokens.refused()
                self._told(server_error(ErrorFrame.from_frame(frame)))
            else:
                self._tokens.expires_at = Authenticated.from_frame(frame).expires_at

        if self._session is session:
            session.ask({"type": "auth", "token": token}, answered)

    def _settled(self) -> None:
        if self._session is None or self._states.has_arrived:
            return
        self._session.arrived()
        self._failures.arrived()
        self._states.arrived()
        if self._first_arrival is not None and not self._first_arrival.done():
            self._first_arrival.set_result(None)
