"""What a client tells its application, for the tests against real edges."""

from __future__ import annotations

import asyncio
from typing import Any, Dict, List, Union

import tickcast
from tickcast import TickcastError
from tickcast.client import Connecting

SOON: Dict[str, Any] = {"backoff": (0.01, 0.1)}
# A server that is silent for three seconds is dead; a busy machine may well be for one.
FAST: Dict[str, Any] = {"ping_interval": 1.2, **SOON}


class Told:
    """All that a client tells."""

    def __init__(self, client: Union[Connecting, tickcast.Client]) -> None:
        self.states: List[str] = []
        self.errors: List[str] = []
        self.gaps: List[tickcast.LostEvents] = []
        self.notices: List[Any] = []
        client.on("state", self._state)
        client.on("error", self._error)
        client.on("gap", self._gap)
        client.on("notice", self._notice)

    async def _state(self, change: tickcast.StateChange) -> None:
        self.states.append(change.state)

    async def _error(self, error: TickcastError) -> None:
        self.errors.append(error.code)

    async def _gap(self, gap: tickcast.LostEvents) -> None:
        self.gaps.append(gap)

    async def _notice(self, notice: Any) -> None:
        self.notices.append(notice)


async def next_of(subscription: Any) -> Any:
    return await asyncio.wait_for(subscription.__anext__(), 5)
