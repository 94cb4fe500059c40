"""The cells of a grid: each lies between two neighbouring levels and holds the same number of lots for ever.

A lot of a cell either waits to be bought at the cell's lower level or to be sold at its upper one; when it trades it
turns to the other side. So n levels have n - 1 cells, the lots of a grid are conserved, nothing can double, and the
edges need no rule: no cell lies beyond them. Which level an order belongs to is the cell's index, whatever the price
at which it traded.
"""

import msgspec

from common.model.order import Side


class Cell(msgspec.Struct, kw_only=True):
    """One cell. `buy_lots` + `sell_lots` is the grid's quantity, always.

    Each side has at most one order (0 = none). `*_counted` is how much of its fills has been counted in already. Lots
    that wait on a side can be more than its order has open: too few to be an order yet, or the grid is paused.
    """

    buy_lots: int
    sell_lots: int
    begins_long: bool
    """True when its first trade is a buy, so that a sale ends a round; else a round ends with buying back."""
    buy_order: int = 0
    sell_order: int = 0
    buy_counted: int = 0
    sell_counted: int = 0

    def lots(self, side: Side) -> int:
        """Lots that wait on a side."""
        return self.buy_lots if side is Side.BUY else self.sell_lots

    def order(self, side: Side) -> int:
        """Number of a side's order, 0 = none."""
        return self.buy_order if side is Side.BUY else self.sell_order

    def hold(self, side: Side, order_id: int, counted: int = 0) -> None:
        """Note a side's order, of which `counted` lots have been counted in."""
        if side is Side.BUY:
            self.buy_order, self.buy_counted = order_id, counted
        else:
            self.sell_order, self.sell_counted = order_id, counted

    def count(self, side: Side, filled_lots: int) -> int:
        """Turn what a side's order has filled since it was last counted. Returns the lots that turned."""
        lots = filled_lots - (self.buy_counted if side is Side.BUY else self.sell_counted)
        if side is Side.BUY:
            self.buy_counted = filled_lots
        else:
            self.sell_counted = filled_lots
        self.buy_lots -= lots * side.sign
        self.sell_lots += lots * side.sign
        return lots

    def ends_round(self, side: Side) -> bool:
        """True when a trade on a side completes a round trip."""
        return self.begins_long is not (side is Side.BUY)


def cells_around(count: int, empty: int, quantity_lots: int) -> list[Cell]:
    """The cells of `count` levels: all lots below the empty level wait to be bought, all above it to be sold."""
    return [
        Cell(
            buy_lots=quantity_lots if index < empty else 0,
            sell_lots=0 if index < empty else quantity_lots,
            begins_long=index < empty,
        )
        for index in range(count - 1)
    ]
