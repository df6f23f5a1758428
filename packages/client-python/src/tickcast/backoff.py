"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from typing import Callable


def full_jitter(failures: int, first: float, most: float, chance: Callable[[], float] = random.random) -> float:
    """Seconds to wait after failure number `failures`: anything up to a bound that doubles from `first` to `most`."""
    # 2.0 ** 1024 is more than a float holds, and attempts may be without end.
    return chance() * min(most, first * 2.0 ** min(failures - 1, 1000))
