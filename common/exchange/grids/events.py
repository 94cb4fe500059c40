"""What happened to grids."""

from common.exchange.events import Event
from common.model.order import Side


class GridStarted(Event, frozen=True, kw_only=True):
    """A grid has its orders on the book; they carry the link "grid:<grid_id>". `empty_level` has none."""

    account: str
    symbol: str
    grid: str
    grid_id: int
    levels: list[int]
    empty_level: int


class GridTurned(Event, frozen=True, kw_only=True):
    """Lots of an order at a level traded; they now wait at `to_level`, the neighbour.

    `profit_units`: what round trips that ended with it brought before fees, in 1e-8 of the quote asset; 0 = none ended.
    """

    account: str
    symbol: str
    grid: str
    side: Side
    level: int
    to_level: int
    lots: int
    profit_units: int


class GridPaused(Event, frozen=True, kw_only=True):
    """A grid's orders are off: its owner wanted it (no `reason`), or something went wrong."""

    account: str
    symbol: str
    grid: str
    reason: str = ""


class GridResumed(Event, frozen=True, kw_only=True):
    """A paused grid's orders are on the book again."""

    account: str
    symbol: str
    grid: str


class GridStopped(Event, frozen=True, kw_only=True):
    """A grid is over. `round_lots` went around whole round trips, which brought `profit_units` before fees."""

    account: str
    symbol: str
    grid: str
    round_lots: int
    profit_units: int
    reason: str = ""
