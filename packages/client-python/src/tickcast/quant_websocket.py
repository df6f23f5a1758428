"""The class of the API's first description, over a connection that comes back by itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from functools import partial
from typing import Any, Callable, Counter, Dict, List, Mapping, Optional, Tuple, TypeVar, Union, cast, overload

from ._generated import CHANNELS, KEY_FIELDS, Push, Status, TokenExpiring
from .callbacks import Callback, Caller, finish, log_failure
from .core import Core, normal_keys
from .errors import TickcastError
from .options import Options, Token
from .position import LostEvents
from .states import StateChange
from .subscription import Subscription

F = TypeVar("F", bound=Callable[..., Any])

_Name = Tuple[str, Optional[str]]


class QuantWebSocket:
    """Callbacks get the `data` of what comes of a type, or all of it where it has none; the last one of a type counts.

    Besides the server's types there is `state`; `error` and `gap` also tell what the client finds out by itself.
    `options` are those of `tickcast.connect`.
    """

    def __init__(self, url: str, token: Token, **options: Any) -> None:
        self._core = Core(Options(url, token, **options), self._unclaimed)
        self._callers: Dict[str, Caller] = {}
        self._turns: Dict[str, asyncio.Lock] = {}
        self._wanted: Dict[_Name, Optional[asyncio.Task[None]]] = {}
        # Errors as the server sent them: they come again as what they mean to the client.
        self._told: Counter[Tuple[str, str]] = Counter()
        self._queues: Dict[str, Callback] = {}
        self._core.callbacks.add("state", self._state)
        self._core.callbacks.add("gap", self._gap)
        self._core.callbacks.add("error", self._error)
        self._core.callbacks.add("notice", self._notice)

    @overload
    def on(self, type: str) -> Callable[[F], F]: ...
    @overload
    def on(self, type: str, callback: F) -> F: ...
    def on(self, type: str, callback: Optional[F] = None) -> Any:
        """Calls back one at a time and in order; a plain function runs in a thread of its own, and must call nothing of
        this object: that is for coroutine functions."""
        if callback is not None:
            self._callers[type] = Caller(callback)
            return callback

        def decorate(function: F) -> F:
            self._callers[type] = Caller(function)
            return function

        return decorate

    async def connect(self) -> None:
        """Connects, subscribes to `agent_status`, and stays until `close`. Raises the final `TickcastError`."""
        self._core.connection.start()
        try:
            await self.subscribe("agent_status")
            for name in self._wanted:
                self._read(name)
            await self._core.connection.ended()
        finally:
            await self.close()

    async def close(self) -> None:
        """Ends the connection; a subscription made before is made again by `connect`."""
        await self._core.close()
        readings = [reading for reading in self._wanted.values() if reading is not None]
        self._wanted = dict.fromkeys(self._wanted)
        for reading in readings:
            reading.cancel()
        if readings:
            await asyncio.wait(readings)
        await finish(list(self._queues.values()))
        for caller in self._callers.values():
            caller.rest()
        # A lock belongs to a loop, and the next `connect` may be in another.
        self._turns.clear()

    async def subscribe(self, channel: str, symbol: Optional[str] = None) -> None:
        """Subscribes for as long as there is this object; before `connect` it is remembered."""
        await self.send({"type": "subscribe", "channel": channel, "symbol": symbol})

    async def send(self, message: Mapping[str, Any]) -> None:
        """Sends a message. Subscriptions are kept; others are dropped where there is no connection.

        Raises `ValueError` for a subscription to what can't be a stream, or with an `id` or `since` of its own.
        """
        names = _names_of(message)
        if names is None:
            self._core.connection.send(message)
            return
        for name in names:
            if message["type"] == "subscribe":
                self._wanted.setdefault(name, None)
                self._read(name)
            else:
                reading = self._wanted.pop(name, None)
                if reading is not None:
                    reading.cancel()

    def _read(self, name: _Name) -> None:
        if self._core.connection.state == "closed" or self._wanted[name] is not None:
            return
        subscription = self._core.subscribe(*name)
        self._wanted[name] = asyncio.get_running_loop().create_task(self._hand_on(name, subscription))

    async def _hand_on(self, name: _Name, subscription: Subscription[Push]) -> None:
        try:
            async for event in subscription:
                # What a subscription to all covers too comes by that one.
                if name[1] is None or (name[0], None) not in self._wanted:
                    await self._call(name[0], json.loads(event.raw)["data"])
        except TickcastError as error:
            # The end of the connection was told already, and what is wanted is wanted of the next one.
            if self._core.connection.state != "closed":
                self._wanted.pop(name, None)
                self._tell_error(error)
                self._begin_anew(name[0])

    def _begin_anew(self, channel: str) -> None:
        """There is no subscription to all any more: those to single streams begin with the last values again."""
        for name, reading in list(self._wanted.items()):
            if name[0] == channel and reading is not None:
                reading.cancel()
                self._wanted[name] = None
                self._read(name)

    async def _call(self, type: str, item: Any) -> None:
        caller = self._callers.get(type)
        if caller is None:
            return
        # Several symbols share a callback.
        async with self._turns.setdefault(type, asyncio.Lock()):
            try:
                await caller.call(item)
            except TickcastError as failure:
                # One for errors that fails at each would be told of itself for ever.
                if type == "error":
                    log_failure(failure)
                else:
                    self._core.callbacks.failed(failure)

    def _tell(self, frame: Dict[str, Any]) -> None:
        """Anything but a push; a callback that takes its time holds up no other type's."""
        type = str(frame["type"])
        if type not in self._queues:
            self._queues[type] = Callback(partial(self._call, type), log_failure)
        self._queues[type].put(frame)

    def _unclaimed(self, frame: Dict[str, Any]) -> None:
        if frame["type"] == "error" and frame.get("id") is None:
            self._told[frame["error"], frame["detail"]] += 1
        self._tell(frame)

    async def _state(self, change: StateChange) -> None:
        if change.state == "live":
            self._told.clear()
        error = None if change.error is None else change.error.code
        self._tell({"type": "state", "state": change.state, "previous": change.previous, "error": error})

    async def _gap(self, gap: LostEvents) -> None:
        fields = asdict(gap)
        self._tell({"type": "gap", "from": fields.pop("from_"), **fields})

    async def _notice(self, notice: Union[Status, TokenExpiring]) -> None:
        self._tell({"type": "status" if isinstance(notice, Status) else "token_expiring", **asdict(notice)})

    async def _error(self, error: TickcastError) -> None:
        if self._told[error.code, error.detail] > 0:
            self._told[error.code, error.detail] -= 1
        else:
            self._tell_error(error)

    def _tell_error(self, error: TickcastError) -> None:
        self._tell({"type": "error", "error": error.code, "detail": error.detail})


def _names_of(message: Mapping[str, Any]) -> Optional[List[_Name]]:
    """The streams that the message subscribes to or unsubscribes from; None for what only the server can answer.

    Raises `ValueError`.
    """
    channel = message.get("channel")
    if message.get("type") not in ("subscribe", "unsubscribe") or channel not in CHANNELS:
        return None
    if message.get("id") is not None or message.get("since") is not None:
        raise ValueError("a subscription has no id and no since here: this class keeps it, and where it stands")
    field = KEY_FIELDS[channel]
    if field == "symbol":
        symbols = message.get("symbols") or message.get("symbol")
        return [(channel, key) for key in normal_keys(channel, symbols)] if symbols else None
    params = message.get("params")
    key = cast("Mapping[str, Any]", params).get(field) if field and isinstance(params, Mapping) else None
    return [(channel, key) for key in normal_keys(channel, key)]
