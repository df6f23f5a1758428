"""The Python SDK: commands come as JSON lines, reports go as JSON lines; the end of its input is its own.

What they are is in packages/protocol/conformance/clients/README.md.
"""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import json
import logging
import math
import sys
from typing import Any, Dict, List, Optional

import tickcast

Json = Dict[str, Any]


def report(kind: str, **fields: Any) -> None:
    sys.stdout.write(json.dumps({"report": kind, **fields}) + "\n")
    sys.stdout.flush()


class Application:
    """What reads one subscription, and takes its time."""

    def __init__(self, name: str, subscription: tickcast.Subscription[Any], handle: float) -> None:
        self.subscription = subscription
        self._name = name
        self._handle = handle
        self._may_go_on = asyncio.Event()
        self.task = asyncio.ensure_future(self._read())

    def take(self, seconds: float) -> None:
        """So long an event from now on; what it is busy with it ends."""
        self._handle = seconds
        self._may_go_on.set()

    async def _read(self) -> None:
        try:
            async for event in self.subscription:
                report("event", name=self._name, frame=frame_of(event))
                if self._handle > 0:
                    self._may_go_on.clear()
                    await asyncio.wait([asyncio.ensure_future(self._may_go_on.wait())], timeout=self._handle)
            report("ended", name=self._name, error=None)
        except tickcast.TickcastError as error:
            report("ended", name=self._name, error=plain_error(error))


class Driver:
    """Does with the SDK what it is told."""

    def __init__(self) -> None:
        self._client: Optional[tickcast.Client] = None
        self._connecting: Optional[asyncio.Task[None]] = None
        self._applications: Dict[str, Application] = {}

    async def obey(self, command: Json) -> None:
        await getattr(self, "do_" + command.pop("do"))(**command)

    async def end(self) -> None:
        """Leaves nothing running."""
        if self._client is not None:
            await self._client.close()
        tasks: List[asyncio.Future[None]] = [application.task for application in self._applications.values()]
        for task in tasks:
            task.cancel()
        if self._connecting is not None:
            tasks.append(self._connecting)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def do_connect(self, url: str, options: Json, token: str = "", tokens: Optional[List[str]] = None) -> None:
        async def ask_token() -> str:
            report("token_asked")
            assert tokens is not None
            return tokens.pop(0) if len(tokens) > 1 else tokens[0]

        client = tickcast.connect(url, token=ask_token if tokens else token, **client_options(options)).client
        client.on("state", tell_state)
        client.on("gap", tell_gap)
        client.on("error", tell_error)
        client.on("notice", tell_notice)
        self._client = client
        self._connecting = asyncio.ensure_future(client.connect())
        # It begins in the next turn, and then can be subscribed to.
        await asyncio.sleep(0)

    async def do_subscribe(
        self,
        name: str,
        channel: str,
        keys: Any,
        overflow: Optional[str] = None,
        limit: int = 1,
        handle_ms: float = 0,
        since: Optional[Json] = None,
    ) -> None:
        client = self._open_client()
        policies = {"latest": "latest", "buffer": tickcast.Buffer(limit), "error": tickcast.Error(limit)}
        policy: Any = None if overflow is None else policies[overflow]
        subscription: tickcast.Subscription[Any]
        if channel == "market_data":
            subscription = client.market_data(keys, overflow=policy)
        elif channel == "agent_status":
            subscription = client.agent_status(keys, overflow=policy)
        elif channel == "backtest_progress":
            subscription = client.backtest_progress(keys, overflow=policy)
        else:
            subscription = client.alerts(since=since, overflow=policy)
        self._applications[name] = Application(name, subscription, handle_ms / 1000)

    async def do_handle(self, name: str, ms: float) -> None:
        self._applications[name].take(ms / 1000)

    async def do_unsubscribe(self, name: str) -> None:
        self._applications[name].subscription.close()

    async def do_streams(self) -> None:
        streams = [
            {
                "channel": stream.channel,
                "key": stream.key,
                "epoch": stream.epoch,
                "last_seq": stream.last_seq,
                "lag_ms": milliseconds(stream.lag),
                "age_ms": milliseconds(stream.age),
            }
            for stream in self._open_client().streams()
        ]
        report("streams", streams=streams)

    async def do_close(self) -> None:
        await self._open_client().close()

    def _open_client(self) -> tickcast.Client:
        if self._client is None:
            raise RuntimeError("connect first")
        return self._client


def milliseconds(seconds: Optional[float]) -> Optional[float]:
    return None if seconds is None else seconds * 1000


def client_options(options: Json) -> Json:
    given: Json = {"backoff": (options["backoff_first_ms"] / 1000, options["backoff_max_ms"] / 1000)}
    given["ping_interval"] = options["ping_interval_ms"] / 1000
    if "max_attempts" in options:
        given["max_attempts"] = math.inf if options["max_attempts"] is None else options["max_attempts"]
    if "healthy_after_ms" in options:
        given["healthy_after"] = options["healthy_after_ms"] / 1000
    return given


def frame_of(event: Any) -> Json:
    """The data as they were on the wire, and what the SDK says of them in place of what the server said."""
    frame: Json = json.loads(event.raw)
    for name in ("seq", "epoch", "conflated", "snapshot", "lost"):
        frame.pop(name, None)
        said = getattr(event, name)
        # What does not apply is absent on the wire.
        if said or name == "epoch":
            frame[name] = said
    return frame


async def tell_state(change: tickcast.StateChange) -> None:
    error = None if change.error is None else plain_error(change.error)
    report("state", state=change.state, previous=change.previous, error=error)


async def tell_gap(gap: tickcast.LostEvents) -> None:
    fields = dataclasses.asdict(gap)
    report("gap", gap={name.rstrip("_"): value for name, value in fields.items()})


async def tell_error(error: tickcast.TickcastError) -> None:
    report("error", **plain_error(error))


async def tell_notice(notice: Any) -> None:
    kinds = {tickcast.Status: "status", tickcast.TokenExpiring: "token_expiring"}
    report("notice", notice={**dataclasses.asdict(notice), "type": kinds[type(notice)]})


def plain_error(error: tickcast.TickcastError) -> Json:
    return {
        "code": error.code,
        "close_code": error.close_code,
        "status": error.status,
        "retry_after": error.retry_after,
    }


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    driver = Driver()
    async for line in reader:
        command = json.loads(line)
        if command["do"] == "reset":
            await driver.end()
            driver = Driver()
            # What was left behind complains now, not in the next scenario.
            gc.collect()
            report("reset")
            continue
        try:
            await driver.obey(command)
        except Exception as error:
            report("broken", message=repr(error))
    await driver.end()


# What it logs it reports too, and nothing but what nobody thought of belongs on stderr.
logging.getLogger("tickcast").addHandler(logging.NullHandler())
asyncio.run(main())
