"""The token: a text, or what a function gives."""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

from .errors import TickcastError
from .options import Token

# What may stand in a header. The message of a library about anything else would quote it.
_SENDABLE = re.compile(r"[A-Za-z0-9_.~+/=-]+\Z")


class TokenSource:
    """Asks the function only when what it gave before is of no use any more."""

    def __init__(self, token: Token, within: float = 10.0) -> None:
        """A function has `within` seconds."""
        self._token = token
        self._within = within
        self._kept: Optional[str] = None
        self.expires_at: Optional[float] = None
        """Of the kept one, by the server's clock, where the server told."""

    @property
    def can_renew(self) -> bool:
        return not isinstance(self._token, str)

    def refused(self) -> None:
        """The next is to be a new one."""
        self._kept = None

    async def get(self, server_time: float) -> str:
        """Raises `TickcastError`: `token_unavailable`."""
        if self._kept is None or (self.can_renew and self.expires_at is not None and server_time >= self.expires_at):
            return await self.renew()
        return self._kept

    async def renew(self) -> str:
        """A new one, whatever is kept. Raises `TickcastError`: `token_unavailable`."""
        try:
            given: Any = self._token
            if not isinstance(given, str):
                given = await asyncio.wait_for(_call(given), self._within)
            if not isinstance(given, str):
                raise TypeError(f"it gave {type(given).__name__}, not a text")
        except Exception as error:
            raise TickcastError("token_unavailable", "the token function failed: see the cause") from error
        # One that was read from a file ends with a line feed.
        token = given.strip()
        if not _SENDABLE.match(token):
            raise TickcastError("token_unavailable", "the token is no JWT: give it as it is, without `Bearer`")
        self._kept = token
        self.expires_at = None
        return token


async def _call(function: Any) -> Any:
    if inspect.iscoroutinefunction(function):
        return await function()
    # It may wait for a network, and the heartbeat must not wait for it.
    executor = ThreadPoolExecutor(1, thread_name_prefix="tickcast-token")
    try:
        token = await asyncio.get_running_loop().run_in_executor(executor, functools.partial(function))
    finally:
        executor.shutdown(wait=False)
    return await token if inspect.isawaitable(token) else token
