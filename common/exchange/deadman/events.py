"""What happened to the timers that cancel orders."""

from common.exchange.events import Event


class CancelTimerSet(Event, frozen=True, kw_only=True):
    """An account's orders in a market end at `due_ns`; 0 = its timer was stopped."""

    account: str
    symbol: str
    due_ns: int


class CancelTimerFired(Event, frozen=True, kw_only=True):
    """A timer ran out, and so many open orders were cancelled."""

    account: str
    symbol: str
    orders: int
