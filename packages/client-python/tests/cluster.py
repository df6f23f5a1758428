"""The edges and the Redis that `npm test` starts, for the tests of this folder."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import urllib.request
from typing import Any, Callable, Dict, List, Optional

import redis


def _given(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise RuntimeError(f"{name} is not set, there are no edges: run `npm test -- packages/client-python`")
    return value


class Cluster:
    """Two edges on one Redis, shared by all tests; each test has names of its own."""

    def __init__(self) -> None:
        self.url = _given("TICKCAST_TEST_URL")
        self.url_2 = _given("TICKCAST_TEST_URL_2")
        self.token = _given("TICKCAST_TEST_TOKEN")
        self._secret = _given("TICKCAST_TEST_SECRET")
        self._admin_url = _given("TICKCAST_TEST_ADMIN_URL")
        self._redis = redis.Redis.from_url(_given("TICKCAST_TEST_REDIS_URL"))

    def close(self) -> None:
        self._redis.close()

    def mint(self, sub: str, ttl: float = 3600, channels: Optional[List[str]] = None) -> str:
        now = int(time.time())
        claims: Dict[str, Any] = {"sub": sub, "iat": now, "exp": now + int(ttl)}
        if channels is not None:
            claims["channels"] = channels
        signed = f"{_base64(HEADER)}.{_base64(json.dumps(claims).encode())}"
        signature = hmac.new(self._secret.encode(), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_base64(signature)}"

    def quote(self, symbol: str, price: float) -> int:
        data = {"timestamp": time.time(), "price": price, "volume": 1000}
        return self._publish(f"{{market_data:{symbol}}}", {"type": "market_data", "symbol": symbol, "data": data})

    def alert(self, source: str, message: str) -> int:
        data = {"level": "info", "message": message, "timestamp": time.time(), "source": source}
        return self._publish("{alerts}", {"type": "alerts", "data": data})

    def agent(self, agent_id: str, status: str) -> int:
        data = {"status": status, "cpu_usage": 1.5, "memory_usage": 2, "task_queue_size": 3, "last_update": time.time()}
        return self._publish(
            f"{{agent_status}}:{agent_id}", {"type": "agent_status", "agent_id": agent_id, "data": data}
        )

    def _publish(self, stream: str, frame: Dict[str, Any]) -> int:
        return int(self._redis.fcall("tickcast_publish", 1, f"tickcast:{stream}", json.dumps(frame)))  # type: ignore[arg-type]

    async def connections(self, sub: str) -> List[Dict[str, Any]]:
        """Those of a user at the first edge."""

        def fetch() -> Any:
            with urllib.request.urlopen(f"{self._admin_url}/connz") as response:
                return json.load(response)

        shown = await asyncio.get_running_loop().run_in_executor(None, fetch)
        return [each for each in shown["connections"] if each["sub"] == sub]


HEADER = b'{"alg":"HS256"}'


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


async def eventually(check: Callable[[], Any], within: float = 10.0) -> None:
    """Waits until `check` answers true; it may be a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        answer = check()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, "the condition stayed false"
        await asyncio.sleep(0.02)
