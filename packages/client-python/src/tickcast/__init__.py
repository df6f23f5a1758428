"""Client of Tickcast: live quotes, agent status, backtest progress and alerts."""

from . import sync
from ._generated import AgentStatus, Alert, BacktestProgress, MarketData, Status, TokenExpiring
from .client import Client, connect
from .errors import TickcastError
from .frames import to_pandas, to_polars
from .options import Buffer, Error
from .position import LostEvents, Since
from .quant_websocket import QuantWebSocket
from .states import StateChange
from .subscription import Subscription
from .topic import StreamInfo

__all__ = [
    "AgentStatus",
    "Alert",
    "BacktestProgress",
    "Buffer",
    "Client",
    "Error",
    "LostEvents",
    "MarketData",
    "QuantWebSocket",
    "Since",
    "StateChange",
    "Status",
    "StreamInfo",
    "Subscription",
    "TickcastError",
    "TokenExpiring",
    "connect",
    "sync",
    "to_pandas",
    "to_polars",
]
