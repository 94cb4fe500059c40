"""One grid: its terms, its cells and what it has earned."""

import msgspec

from common.exchange.grids.cells import Cell
from common.exchange.resting import PriceLots
from common.model.order import Side


class Grid(msgspec.Struct, kw_only=True):
    """A grid of an account in a market. Prices in ticks, `levels` from the lowest.

    is_paused     its orders are off
    owes          some lots could not be placed and are tried again, at `retry_ns` at the latest (0 = no time is set)
    order_count   names of its orders so far
    round_lots    lots that have gone around a whole round trip; `profit_units` is what those brought before fees
    """

    grid_id: int
    account: str
    symbol: str
    name: str
    quantity_lots: int
    levels: list[int]
    cells: list[Cell]
    started_ns: int
    is_paused: bool = False
    owes: bool = False
    retry_ns: int = 0
    order_count: int = 0
    round_lots: int = 0
    profit_units: int = 0

    @property
    def link(self) -> str:
        """What its orders carry."""
        return f"grid:{self.grid_id}"

    def price(self, index: int, side: Side) -> int:
        """Where lots of a cell wait on a side."""
        return self.levels[index] if side is Side.BUY else self.levels[index + 1]

    def waiting(self, side: Side) -> list[tuple[int, PriceLots]]:
        """(cell, (price, lots)) of all lots that wait on a side."""
        if side is Side.BUY:
            found = ((index, (self.levels[index], cell.buy_lots)) for index, cell in enumerate(self.cells))
        else:
            found = ((index, (self.levels[index + 1], cell.sell_lots)) for index, cell in enumerate(self.cells))
        return [each for each in found if each[1][1]]
