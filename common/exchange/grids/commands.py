"""What owners do with grids. A grid has a name that its account chose."""

from common.exchange.commands import Command
from common.exchange.grids.levels import GridSpacing


class StartGrid(Command, frozen=True, kw_only=True):
    """Place the orders of a new grid, all or none: post-only, `quantity_lots` each, one fewer than there are `levels`.

    Buys go below and sells above the level nearest to the market, which stays empty: nearest to `reference_ticks`, or
    without one (0) to the mark or last price, as far as the book's best prices allow.
    """

    account: str
    symbol: str
    grid: str
    spacing: GridSpacing
    low_ticks: int
    high_ticks: int
    levels: int
    quantity_lots: int
    reference_ticks: int = 0


class PauseGrid(Command, frozen=True, kw_only=True):
    """Take a grid's orders off. It remembers which lots wait on which side."""

    account: str
    grid: str


class ResumeGrid(Command, frozen=True, kw_only=True):
    """Place the orders of a paused grid again, all or none."""

    account: str
    grid: str


class StopGrid(Command, frozen=True, kw_only=True):
    """Take a grid's orders off and forget it. What it has bought or sold stays the account's."""

    account: str
    grid: str


GridCommand = StartGrid | PauseGrid | ResumeGrid | StopGrid
"""All of them."""
