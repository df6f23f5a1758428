"""The states of a client; CLIENTS.md, section 1."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Callable, Literal, Optional

from .errors import TickcastError
from .log import log

State = Literal["closed", "connecting", "live", "stale", "draining", "resuming"]


@dataclass(frozen=True)
class StateChange:
    """What handlers of `state` are given; `error` is the final one, where there is one."""

    state: State
    previous: State
    error: Optional[TickcastError] = None


class States:
    """Tells every change once, and when it was live for long enough."""

    def __init__(
        self, changed: Callable[[StateChange], None], healthy: Callable[[], None], healthy_after: float
    ) -> None:
        self._changed = changed
        self._healthy = healthy
        self._healthy_after = healthy_after
        self._timer: Optional[asyncio.TimerHandle] = None
        self._state: State = "closed"
        self._was_live = self._has_arrived = False
        self._is_degraded = self._is_quiet = self._is_draining = False

    @property
    def state(self) -> State:
        return self._state

    @property
    def has_arrived(self) -> bool:
        """Whether this connection was live."""
        return self._has_arrived

    def connecting(self) -> None:
        self._was_live = False
        self._leave()
        self._enter("connecting")

    def arrived(self) -> None:
        """Welcomed, and every subscription answered."""
        self._has_arrived = self._was_live = True
        self._show()

    def noted(
        self, *, degraded: Optional[bool] = None, quiet: Optional[bool] = None, draining: Optional[bool] = None
    ) -> None:
        """Something about the connection has changed."""
        self._is_degraded = self._is_degraded if degraded is None else degraded
        self._is_quiet = self._is_quiet if quiet is None else quiet
        self._is_draining = self._is_draining if draining is None else draining
        self._show()

    def lost(self) -> None:
        """There will be another connection."""
        self._leave()
        self._enter("resuming" if self._was_live else "connecting")

    def closed(self, error: Optional[TickcastError]) -> None:
        self._leave()
        self._enter("closed", error)

    def _leave(self) -> None:
        self._has_arrived = False
        self._is_degraded = self._is_quiet = self._is_draining = False

    def _show(self) -> None:
        if not self._has_arrived:
            return
        if self._is_draining:
            self._enter("draining")
        else:
            self._enter("stale" if self._is_degraded or self._is_quiet else "live")

    def _enter(self, state: State, error: Optional[TickcastError] = None) -> None:
        previous = self._state
        if state == previous:
            return
        self._state = state
        log.debug("%s, was %s", state, previous)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if state == "live":
            self._timer = asyncio.get_running_loop().call_later(self._healthy_after, self._healthy)
        self._changed(StateChange(state, previous, error))
