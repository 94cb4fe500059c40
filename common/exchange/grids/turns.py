"""How a grid's orders turn: what trades at a level waits at its neighbour from then on."""

from collections.abc import Callable

from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.grids.cells import Cell
from common.exchange.grids.events import GridTurned
from common.exchange.grids.grid import Grid
from common.exchange.grids.levels import neighbour
from common.exchange.orders import Orders
from common.exchange.record import OrderRecord
from common.exchange.resting import PriceLots, resting_order
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key
from common.model.order import OrderState, Side

BUY = Side.BUY
SIDES = (BUY, Side.SELL)
REACT, RETRY = "grid", "grid_retry"
RETRY_NS = NS_PER_S
CellOrder = tuple[int, PriceLots]
"""A cell and the order that it asks for."""

PASSING = frozenset({RejectReason.MARKET_HALTED, RejectReason.WOULD_TAKE})
"""Refusals that the market takes back by itself."""


class Turns:
    """Reacts to fills and ends of grid orders. A reaction places or amends at most one order on each side of one cell.

    `give_up` is called with a grid and a reason when an order ended otherwise than by trading, or cannot be placed.
    """

    def __init__(self, core: Core, orders: Orders, give_up: Callable[[Grid, str], None]) -> None:
        self._core, self._orders, self._give_up = core, orders, give_up
        self.grids: dict[int, Grid] = {}
        self._cells: dict[int, tuple[Grid, int]] = {}
        """Grid and cell of each of their orders."""
        core.doers |= {REACT: self.react, RETRY: self.retry}

    def load(self, grids: dict[int, Grid]) -> None:
        """Know these grids, also those that are still to come into the dict, and their orders."""
        self.grids = grids
        self._cells = {
            order_id: (grid, index)
            for grid in grids.values()
            for index, cell in enumerate(grid.cells)
            for order_id in (cell.buy_order, cell.sell_order)
            if order_id
        }

    def placeable(self, grid: Grid, side: Side) -> list[CellOrder]:
        """All lots that wait on a side, except where they are too few for an order."""
        return [each for each in grid.waiting(side) if not self._is_too_small(grid, *each[1])]

    def place(self, grid: Grid, orders: tuple[list[CellOrder], list[CellOrder]]) -> None:
        """Place orders that were looked at, buys and sells, of cells that have none on that side."""
        account, symbol, link, time_ns = grid.account, grid.symbol, grid.link, self._core.time_ns
        place, cells, known, count = self._orders.resting.place, grid.cells, self._cells, grid.order_count
        for side, wanted in zip(SIDES, orders, strict=True):
            for index, price_lots in wanted:
                count += 1
                order = place(resting_order(account, symbol, side, price_lots, f"{link}:{count}", link, time_ns))
                cell, order_id = cells[index], order.order_id
                if side is BUY:
                    cell.buy_order, cell.buy_counted = order_id, 0
                else:
                    cell.sell_order, cell.sell_counted = order_id, 0
                known[order_id] = grid, index
        grid.order_count = count

    def withdraw(self, grid: Grid) -> None:
        """Take all orders off, after counting in what they traded."""
        grid.owes = False
        for index, cell in enumerate(grid.cells):
            self._count(grid, index)
            for side in SIDES:
                if order_id := cell.order(side):
                    del self._cells[order_id]
                    cell.hold(side, 0)
                    self._orders.cancel(self._core.ledger.orders[order_id])

    def react(self, key: Key, _due_ns: int) -> None:
        """An order traded or ended. One that is no grid's any more is no news."""
        if (found := self._cells.get(int(key))) is None:
            return
        grid, index = found
        if reason := self._count(grid, index) or self._settle(grid, index):
            self._give_up(grid, reason)
        elif grid.owes:
            self._settle_all(grid)

    def retry(self, key: Key, _due_ns: int) -> None:
        """Lots that could not be placed a moment ago."""
        grid = self.grids.get(int(key))
        if grid is not None:
            grid.retry_ns = 0
            if grid.owes:
                self._settle_all(grid)

    def _settle_all(self, grid: Grid) -> None:
        grid.owes = False
        for index in range(len(grid.cells)):
            if reason := self._count(grid, index) or self._settle(grid, index):
                self._give_up(grid, reason)
                return

    def _retry_later(self, grid: Grid) -> None:
        grid.owes = True
        if not grid.retry_ns:
            facts = self._core.markets[grid.symbol].facts
            grid.retry_ns = max(facts.phase_until_ns, self._core.time_ns + RETRY_NS)
            self._core.schedule(grid.retry_ns, RETRY, grid.grid_id)

    def _count(self, grid: Grid, index: int) -> str:
        """Turn what both orders of a cell have traded; says why when one ended otherwise."""
        cell, reason = grid.cells[index], ""
        for side in SIDES:
            if not (order_id := cell.order(side)):
                continue
            order = self._core.ledger.orders.get(order_id)
            if order is None:
                del self._cells[order_id]
                cell.hold(side, 0)
                reason = f"order {order_id} is forgotten"
                continue
            if lots := cell.count(side, order.filled_lots):
                self._turn(grid, index, side, lots)
            if not order.is_open:
                del self._cells[order_id]
                cell.hold(side, 0)
                if order.state is not OrderState.FILLED:
                    reason = f"order {order_id} {order.state}" + (f": {order.reason}" if order.reason else "")
        return reason

    def _turn(self, grid: Grid, index: int, side: Side, lots: int) -> None:
        level, profit = index + (side is Side.SELL), 0
        to_level = neighbour(level, side, len(grid.levels))
        assert to_level is not None  # a cell lies between two levels
        if grid.cells[index].ends_round(side):
            width = grid.levels[index + 1] - grid.levels[index]
            profit = self._core.ledger.scales[grid.symbol].quote_units(width, lots)
            grid.round_lots += lots
            grid.profit_units += profit
        self._core.tell(
            GridTurned(
                time_ns=self._core.time_ns, account=grid.account, symbol=grid.symbol, grid=grid.name, side=side,
                level=level, to_level=to_level, lots=lots, profit_units=profit,
            )
        )  # fmt: skip

    def _settle(self, grid: Grid, index: int) -> str:
        """Let each side's order have as many lots open as wait there; says why when that cannot be."""
        cell = grid.cells[index]
        for side in SIDES:
            if reason := self._settle_side(grid, index, cell, side):
                if reason not in PASSING:
                    return reason
                self._retry_later(grid)
        return ""

    def _settle_side(self, grid: Grid, index: int, cell: Cell, side: Side) -> RejectReason | None:
        lots, price, order_id = cell.lots(side), grid.price(index, side), cell.order(side)
        order = self._core.ledger.orders[order_id] if order_id else None
        reason = self._have(grid, index, side, (price, lots), order)
        if reason is not RejectReason.INSUFFICIENT_BALANCE:
            return reason
        # On spot fees come out of what was bought: what is left of it can be sold, the rest waits while there is an
        # order in the cell whose trades may pay for it.
        lots = min(lots, self._orders.resting.affordable(grid.account, grid.symbol, side, price, order))
        if self._is_too_small(grid, price, lots):
            return None if cell.buy_order or cell.sell_order else reason
        return self._have(grid, index, side, (price, lots), order)

    def _have(
        self, grid: Grid, index: int, side: Side, wanted: PriceLots, order: OrderRecord | None
    ) -> RejectReason | None:
        """Let a cell's order be as wanted, or place it; says why when that cannot be."""
        if wanted[1] == (0 if order is None else order.remaining_lots) or self._is_too_small(grid, *wanted):
            return None
        bids, asks = ([wanted], []) if side is Side.BUY else ([], [wanted])
        replaced = [] if order is None else [order]
        if reason := self._orders.resting.refusal(grid.account, grid.symbol, bids, asks, replaced):
            return reason
        if order is None:
            self.place(grid, ([(index, wanted)], []) if side is Side.BUY else ([], [(index, wanted)]))
        else:
            self._orders.resting.move(order, *wanted)
        return None

    def _is_too_small(self, grid: Grid, price: int, lots: int) -> bool:
        """True for lots that are too few for an order of their own; they wait until there are more."""
        scale = self._core.ledger.scales[grid.symbol]
        too_few = lots < self._core.instruments[grid.symbol].quantity_lots_min
        return too_few or scale.quote_units(price, lots) < scale.notional_units_min
