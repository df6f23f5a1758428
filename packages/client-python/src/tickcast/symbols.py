"""The one form of a stream's key, the same as the server's."""

from __future__ import annotations

import re
from typing import Optional

from ._generated import HONG_KONG_PREFIX, HONG_KONG_SUFFIX, KEY

_KEY = re.compile(KEY)
_HONG_KONG = (re.compile(HONG_KONG_SUFFIX, re.ASCII), re.compile(HONG_KONG_PREFIX, re.ASCII))


def normal_symbol(raw: str) -> Optional[str]:
    """`0700.HK` for `700.HK`, `0700.hk` and `HK.00700`; None for what can't be a symbol."""
    if not _is_key(raw):
        return None
    symbol = raw.upper()
    for pattern in _HONG_KONG:
        found = pattern.match(symbol)
        if found:
            return f"{found.group(1):0>4}.HK"
    return symbol


def normal_key(channel: str, raw: str) -> Optional[str]:
    """The key by which a stream of `channel` is known; ids of agents and backtests keep their case."""
    if channel == "market_data":
        return normal_symbol(raw)
    return raw if _is_key(raw) else None


def _is_key(raw: str) -> bool:
    # `$` lets a line feed pass at the end.
    return _KEY.match(raw) is not None and not raw.endswith("\n")
