"""The logger `tickcast`. Tokens and seats are never given to it."""

from __future__ import annotations

import logging

log = logging.getLogger("tickcast")

# That of the websockets library shows the headers of the handshake, and so the token.
silent = logging.Logger("tickcast.websockets", level=logging.CRITICAL + 1)
silent.addHandler(logging.NullHandler())
silent.propagate = False
