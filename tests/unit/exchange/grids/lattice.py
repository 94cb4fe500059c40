"""One grid of five levels on the desk, and its orders as tests read them."""

from common.exchange.events import Event
from common.exchange.grids.commands import StartGrid
from common.exchange.grids.grid import Grid
from common.exchange.grids.levels import GridSpacing
from common.model.order import Side
from tests.unit.exchange.desk import ETH, Desk

TERMS = {
    "account": "me", "symbol": ETH.symbol, "grid": "g", "spacing": GridSpacing.ARITHMETIC, "low_ticks": 100,
    "high_ticks": 140, "levels": 5, "quantity_lots": 10,
}  # fmt: skip
"""Levels 100, 110, 120, 130, 140."""


def start(desk: Desk, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
    """Start a grid with some other terms."""
    return desk.run(StartGrid, **TERMS | terms)


def orders_of(desk: Desk, account: str = "me") -> list[tuple[Side, int, int]]:
    """(side, price, open lots) of linked orders, lowest price first."""
    orders = desk.exchange.orders.open_of(account, [ETH.symbol])
    found = [(order.side, order.price_ticks, order.remaining_lots) for order in orders if order.terms.link]
    return sorted(found, key=lambda order: (order[1], order[0]))


def grid_of(desk: Desk, name: str = "g") -> Grid:
    """A grid of "me"."""
    grid = desk.exchange.grids.find("me", name)
    assert grid is not None
    return grid
