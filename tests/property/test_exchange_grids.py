"""Grids under random markets: their lots are conserved, nothing doubles, and a restart goes on as they did."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.commands import CancelOrder, PassTime, PlaceOrder, SetMark, TakeLiquidity
from common.exchange.events import Event
from common.exchange.grids.commands import PauseGrid, ResumeGrid, StartGrid, StopGrid
from common.exchange.grids.events import GridTurned
from common.exchange.grids.grid import Grid
from common.exchange.grids.levels import GridSpacing
from common.model.order import OrderType, Side, TimeInForce
from tests.unit.exchange.desk import ETH, Desk

NAMES = ("a", "b", "c")


def draw(random: Random, at: int):  # type: ignore[no-untyped-def]
    """One command of a busy market, the grids' owner's among them."""
    kind = random.randrange(20)
    if kind < 2:
        low = random.randrange(80, 120)
        return StartGrid(
            time_ns=at, account="me", symbol=ETH.symbol, grid=random.choice(NAMES),
            spacing=random.choice(list(GridSpacing)), low_ticks=low, high_ticks=low + random.randrange(4, 60),
            levels=random.randrange(2, 9), quantity_lots=random.randrange(1, 40),
        )  # fmt: skip
    if kind < 4:
        control = random.choice((PauseGrid, ResumeGrid, ResumeGrid, StopGrid))
        return control(time_ns=at, account="me", grid=random.choice(NAMES))
    if kind < 6:
        return SetMark(time_ns=at, symbol=ETH.symbol, price_ticks=random.randrange(85, 150))
    if kind < 12:
        return PlaceOrder(
            time_ns=at, account=random.choice(("you", "you", "me")), symbol=ETH.symbol, client_order_id=str(at),
            side=random.choice(list(Side)), quantity_lots=random.randrange(1, 60),
            price_ticks=random.randrange(80, 160), order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC,
        )  # fmt: skip
    if kind < 13:
        return CancelOrder(time_ns=at, account="me", symbol=ETH.symbol, order_id=random.randrange(1, at + 2))
    if kind < 14:
        return PassTime(time_ns=at + random.randrange(2 * 10**9))
    return TakeLiquidity(
        time_ns=at, symbol=ETH.symbol, side=random.choice(list(Side)), price_ticks=random.randrange(80, 160),
        quantity_lots=random.randrange(1, 80),
    )  # fmt: skip


def check(desk: Desk, grid: Grid, net: dict[str, int]) -> None:
    """Every lot of a grid waits on one side, and exactly those orders rest that its cells know."""
    ledger, resting = desk.exchange.ledger, desk.exchange.markets[ETH.symbol].book.orders
    known: dict[int, tuple[Side, int, int]] = {}
    for index, cell in enumerate(grid.cells):
        assert cell.buy_lots + cell.sell_lots == grid.quantity_lots
        assert min(cell.buy_lots, cell.sell_lots) >= 0
        for side in Side:
            if order_id := cell.order(side):
                known[order_id] = side, grid.price(index, side), cell.lots(side)
    open_ids = {
        order.order_id
        for order in ledger.open_of("me", ETH.symbol).values()
        if order.terms.link == f"grid:{grid.grid_id}"
    }
    assert open_ids == set(known), "an order that no cell knows, or one that is gone"
    assert not (grid.is_paused and known)
    for order_id, (side, price, lots) in known.items():
        order = ledger.orders[order_id]
        assert (order.side, order.price_ticks) == (side, price)
        assert order.remaining_lots <= lots
        assert resting[order_id].quantity == order.remaining_lots
        assert desk.exchange.config.fees.tiers[0].maker_rate or grid.owes or order.remaining_lots == lots
    bought = sum(cell.sell_lots for cell in grid.cells if cell.begins_long)
    sold = sum(cell.buy_lots for cell in grid.cells if not cell.begins_long)
    assert bought - sold == net[grid.link], "what its orders have bought and sold is what its cells hold"


def count(net: dict[str, int], events: list[Event], desk: Desk) -> None:
    """Net lots that the orders of each grid have traded."""
    for event in events:
        for party in (getattr(event, "maker", None), getattr(event, "taker", None)):
            if party is None or not party.order_id:
                continue
            order = desk.exchange.ledger.orders[party.order_id]
            if order.terms.link:
                net[order.terms.link] = net.get(order.terms.link, 0) + order.side.sign * event.quantity_lots


def play(random: Random, steps: int, maker_bps: str) -> tuple[Desk, int]:
    """A run of random commands, checked after each; returns how often lots turned."""
    desk, net, turned = Desk(maker_bps=maker_bps, taker_bps="5"), {}, 0
    desk.mark(110)
    for _ in range(steps):
        events = desk.execute(draw(random, desk.exchange.time_ns + 1))
        count(net, events, desk)
        turned += sum(isinstance(event, GridTurned) for event in events)
        for grid in desk.exchange.grids.grids.values():
            net.setdefault(grid.link, 0)
            check(desk, grid, net)
        book = desk.book
        bid, ask = book.bids.best(), book.asks.best()
        assert bid is None or ask is None or bid.price < ask.price
        assert all(
            order.post_only for order in desk.exchange.ledger.open_of("me", ETH.symbol).values() if order.terms.link
        )
    return desk, turned


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["0", "-1", "10"]))
def test_lots_are_conserved_and_nothing_doubles(seed: int, maker_bps: str) -> None:
    desk, _ = play(Random(seed), 60, maker_bps)
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


@pytest.mark.parametrize("seed", range(6))
def test_a_long_run_a_replay_and_a_restart_agree(seed: int) -> None:
    random = Random(seed)
    desk, turned = play(random, 400, "2")
    assert turned > 20
    assert desk.replayed().state_hash() == desk.exchange.state_hash()
    restored = desk.loaded()
    for _ in range(100):
        command = draw(random, desk.exchange.time_ns + 1)
        assert restored.execute(command) == desk.exchange.execute(command)
    assert restored.state_hash() == desk.exchange.state_hash()
