"""What follows the end of a connection; CLIENTS.md, sections 2 and 3."""

from __future__ import annotations

import time
from typing import Callable, NamedTuple, Optional, Tuple

from .backoff import full_jitter
from .closes import Ending
from .errors import TickcastError, caused_by

# So long it has to be live, s, that it may come back at once again.
_A_WHILE = 1.0


class Verdict(NamedTuple):
    """`failure` is told, None where nothing went wrong; after `final` there is no other attempt."""

    failure: Optional[TickcastError]
    final: Optional[TickcastError]
    wait: float
    """Seconds until the next attempt."""
    token_refused: bool


class Failures:
    """Counts them."""

    def __init__(
        self,
        *,
        max_attempts: float,
        backoff: Tuple[float, float],
        can_renew: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._can_renew = can_renew
        self._count = 0
        self._clock = clock
        self._arrived_at: Optional[float] = None
        # It came back at once, and was not live for a while since.
        self._has_hurried = False
        # Its token was refused, and it was not live since.
        self._was_refused = False

    def arrived(self) -> None:
        """It is live."""
        self._arrived_at = self._clock()
        self._was_refused = False

    def forget(self) -> None:
        """It was live for long enough."""
        self._count = 0

    def judge(self, ending: Ending) -> Verdict:
        error = ending.error
        stayed = self._arrived_at is not None and self._clock() - self._arrived_at >= _A_WHILE
        self._arrived_at = None
        # A node that drains takes nobody in; one that says so again and again is like any that fails.
        may_hurry = stayed or not self._has_hurried
        hurries = may_hurry and ending.action in ("at_once", "new_token")
        self._has_hurried = hurries or (self._has_hurried and not stayed)
        if hurries and ending.action == "at_once":
            return Verdict(None, None, 0.0, False)
        token_refused = ending.action == "new_token"
        is_final = ending.action == "never" or (token_refused and (self._was_refused or not self._can_renew))
        if is_final:
            return Verdict(error, error, 0.0, token_refused)
        self._was_refused = self._was_refused or token_refused
        self._count += 1
        if self._count > self._max_attempts:
            gave_up = TickcastError("gave_up", f"{self._count} failures in a row; the last is {error}")
            return Verdict(error, caused_by(gave_up, error), 0.0, token_refused)
        wait = 0.0 if hurries else ending.after + full_jitter(self._count, *self._backoff)
        return Verdict(error, None, wait, token_refused)
