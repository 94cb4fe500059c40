"""Grids as the exchange runs them: what owners may say, and what comes of it."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import is_name, is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.grids.cells import cells_around
from common.exchange.grids.commands import PauseGrid, ResumeGrid, StartGrid, StopGrid
from common.exchange.grids.events import GridPaused, GridResumed, GridStarted, GridStopped
from common.exchange.grids.grid import Grid
from common.exchange.grids.levels import GridSpacing, empty_level, grid_levels
from common.exchange.grids.turns import CellOrder, Turns
from common.exchange.matching import Market
from common.exchange.orders import Orders
from common.exchange.refusal import Refused, feature_off
from common.model.order import Side

GRIDS_PER_MARKET_MAX = 5
"""Grids of one account in one market."""


class GridsState(msgspec.Struct, frozen=True, kw_only=True):
    """All grids, the oldest first, and the number of the newest there ever was."""

    last_id: int
    grids: list[Grid]


class Grids:
    """All grids. `on_over` hears of every grid that goes wrong or is stopped: (its number, why)."""

    def __init__(self, core: Core, orders: Orders) -> None:
        self._core, self._orders = core, orders
        self.grids: dict[int, Grid] = {}
        self._last_id = 0
        self._named: dict[tuple[str, str], int] = {}
        self.on_over: Callable[[int, str], None] = lambda grid_id, reason: None
        self._turns = Turns(core, orders, self._give_up)
        self._turns.load(self.grids)
        handlers: dict[Any, Callable[[Any], None]] = {
            StartGrid: self.start,
            PauseGrid: self.pause,
            ResumeGrid: self.resume,
            StopGrid: self.stop,
        }
        is_on = core.config.features.grids
        self.handlers = handlers if is_on else dict.fromkeys(handlers, feature_off)
        self.trading: frozenset[Any] = frozenset(handlers)

    @property
    def state(self) -> GridsState:
        """All of it, for snapshots."""
        return GridsState(last_id=self._last_id, grids=list(self.grids.values()))

    def load(self, state: GridsState) -> None:
        """Become what `state` was."""
        self._last_id = state.last_id
        self.grids = {grid.grid_id: grid for grid in state.grids}
        self._named = {(grid.account, grid.name): grid.grid_id for grid in state.grids}
        self._turns.load(self.grids)

    def find(self, account: str, name: str) -> Grid | None:
        """A grid by its name."""
        return self.grids.get(self._named.get((account, name), 0))

    def start(self, command: StartGrid) -> None:
        """A new grid, or the reason why not; then nothing has been placed."""
        account, symbol = command.account, command.symbol
        self._check_name(command)
        levels = _levels_of(command)
        if not is_whole(command.quantity_lots, 1):
            raise Refused(RejectReason.QUANTITY_INVALID, f"got {command.quantity_lots!r} lots")
        empty = empty_level(levels, self._reference(command))
        grid = Grid(
            grid_id=self._last_id + 1, account=account, symbol=symbol, name=command.grid,
            quantity_lots=command.quantity_lots, levels=levels,
            cells=cells_around(len(levels), empty, command.quantity_lots), started_ns=self._core.time_ns,
        )  # fmt: skip
        orders = grid.waiting(Side.BUY), grid.waiting(Side.SELL)
        self._check_orders(grid, orders)
        self._last_id = grid.grid_id
        self.grids[grid.grid_id] = grid
        self._named[account, grid.name] = grid.grid_id
        self._core.tell(
            GridStarted(
                time_ns=self._core.time_ns, account=account, symbol=symbol, grid=grid.name, grid_id=grid.grid_id,
                levels=levels, empty_level=empty,
            )
        )  # fmt: skip
        self._turns.place(grid, orders)

    def pause(self, command: PauseGrid) -> None:
        """Its orders go; its lots stay where they wait."""
        grid = self._grid(command)
        if grid.is_paused:
            raise Refused(RejectReason.WRONG_STATE, "it is paused")
        self._pause(grid, "")

    def resume(self, command: ResumeGrid) -> None:
        """Its orders come back, or the reason why not."""
        grid = self._grid(command)
        if not grid.is_paused:
            raise Refused(RejectReason.WRONG_STATE, "it is not paused")
        orders = self._turns.placeable(grid, Side.BUY), self._turns.placeable(grid, Side.SELL)
        self._check_orders(grid, orders)
        grid.is_paused = False
        self._core.tell(
            GridResumed(time_ns=self._core.time_ns, account=grid.account, symbol=grid.symbol, grid=grid.name)
        )
        self._turns.place(grid, orders)

    def stop(self, command: StopGrid) -> None:
        """It is over."""
        self.end(self._grid(command), "")

    def end(self, grid: Grid, reason: str) -> None:
        """Take its orders off and forget it."""
        self._turns.withdraw(grid)
        del self.grids[grid.grid_id], self._named[grid.account, grid.name]
        self._core.tell(
            GridStopped(
                time_ns=self._core.time_ns, account=grid.account, symbol=grid.symbol, grid=grid.name,
                round_lots=grid.round_lots, profit_units=grid.profit_units, reason=reason,
            )
        )  # fmt: skip
        self.on_over(grid.grid_id, reason or "stopped")

    def _give_up(self, grid: Grid, reason: str) -> None:
        """Something went wrong: nothing is placed any more until the owner says so."""
        self._pause(grid, reason)
        self.on_over(grid.grid_id, reason)

    def _pause(self, grid: Grid, reason: str) -> None:
        grid.is_paused = True
        self._turns.withdraw(grid)
        self._core.tell(
            GridPaused(
                time_ns=self._core.time_ns, account=grid.account, symbol=grid.symbol, grid=grid.name, reason=reason
            )
        )

    def _grid(self, command: PauseGrid | ResumeGrid | StopGrid) -> Grid:
        grid = self.find(command.account, command.grid)
        if grid is None:
            raise Refused(RejectReason.UNKNOWN_GRID, str(command.grid))
        return grid

    def _check_name(self, command: StartGrid) -> None:
        if not is_name(command.grid):
            raise Refused(RejectReason.NAME_INVALID, f"got {command.grid!r}")
        if (command.account, command.grid) in self._named:
            raise Refused(RejectReason.NAME_TAKEN, command.grid)
        beside = (each for each in self.grids.values() if each.account == command.account)
        if sum(each.symbol == command.symbol for each in beside) >= GRIDS_PER_MARKET_MAX:
            raise Refused(RejectReason.TOO_MANY_GRIDS, f"at most {GRIDS_PER_MARKET_MAX} in a market")

    def _check_orders(self, grid: Grid, orders: tuple[list[CellOrder], list[CellOrder]]) -> None:
        """Raises what speaks against all of these buys and sells together."""
        bids, asks = ([order for _index, order in side] for side in orders)
        if reason := self._orders.resting.refusal(grid.account, grid.symbol, bids, asks):
            raise Refused(reason, f"{len(bids)} buys and {len(asks)} sells of grid {grid.name}")

    def _reference(self, command: StartGrid) -> int:
        market = self._core.markets[command.symbol]
        if command.reference_ticks and not is_whole(command.reference_ticks, 1):
            raise Refused(RejectReason.PRICE_INVALID, f"reference_ticks is {command.reference_ticks!r}")
        reference = within_touch(market, command.reference_ticks or market.facts.reference)
        if not reference:
            raise Refused(RejectReason.NO_MARK_PRICE)
        return reference


def within_touch(market: Market, price: int) -> int:
    """A price moved to where it neither exceeds the best ask nor falls below the best bid; 0 = nobody knows one."""
    bid, ask = market.book.bids.best(), market.book.asks.best()
    if ask is not None:
        price = min(price, ask.price) if price else ask.price
    if bid is not None:
        price = max(price, bid.price)
    return price


def _levels_of(command: StartGrid) -> list[int]:
    if not all(is_whole(each, 1) for each in (command.low_ticks, command.high_ticks, command.levels)):
        raise Refused(RejectReason.GRID_INVALID, "bounds and levels must be positive 64-bit integers")
    try:
        return grid_levels(GridSpacing(command.spacing), command.low_ticks, command.high_ticks, command.levels)
    except ValueError as error:
        raise Refused(RejectReason.GRID_INVALID, str(error)) from None
