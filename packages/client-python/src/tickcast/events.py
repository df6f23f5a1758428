"""What the pushes of all channels have in common."""

from __future__ import annotations

from typing import Optional

from ._generated import KEY_FIELDS, Push


def key_of(event: Push) -> Optional[str]:
    """The key of its stream; None of alerts."""
    field = KEY_FIELDS[event.channel]
    key: Optional[str] = None if field is None else getattr(event, field)
    return key
