"""Grids through the exchange."""

import msgspec
import pytest

from common.exchange.commands import (
    AmendOrder,
    Deposit,
    ExpireOpenOrders,
    PassTime,
    ReduceOrder,
    SetMark,
    TakeLiquidity,
    Withdraw,
)
from common.exchange.configuration import ExchangeConfig, Features
from common.exchange.events import CommandRefused, OrderPlaced, RejectReason
from common.exchange.exchange import Exchange
from common.exchange.grids.commands import PauseGrid, ResumeGrid, StartGrid, StopGrid
from common.exchange.grids.engine import GRIDS_PER_MARKET_MAX
from common.exchange.grids.events import GridPaused, GridResumed, GridStarted, GridStopped, GridTurned
from common.exchange.grids.levels import GridSpacing
from common.exchange.money import units_from_text
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk
from tests.unit.exchange.grids.lattice import grid_of, orders_of, start

UNIT = 100
"""Quote units of one tick times one lot: 0.01 x 0.0001 in 1e-8."""


def of(kind, events):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


def test_a_grid_starts_with_one_order_fewer_than_levels() -> None:
    desk = Desk()
    events = start(desk, reference_ticks=120)
    assert orders_of(desk) == [(BUY, 100, 10), (BUY, 110, 10), (SELL, 130, 10), (SELL, 140, 10)]
    (told,) = of(GridStarted, events)
    assert (told.grid_id, told.levels, told.empty_level) == (1, [100, 110, 120, 130, 140], 2)
    assert {order.terms.link for order in desk.exchange.orders.open_of("me", [ETH.symbol])} == {"grid:1"}
    assert all(order.terms.post_only for order in desk.exchange.orders.open_of("me", [ETH.symbol]))


def test_trap_30_a_buy_sells_one_level_higher() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    events = desk.place("you", "x", SELL, 110, 10)
    assert orders_of(desk) == [(BUY, 100, 10), (SELL, 120, 10), (SELL, 130, 10), (SELL, 140, 10)]
    (turned,) = of(GridTurned, events)
    assert (turned.side, turned.level, turned.to_level, turned.lots, turned.profit_units) == (BUY, 1, 2, 10, 0)


def test_a_round_trip_earns_the_distance_of_its_levels() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 10)
    (turned,) = of(GridTurned, desk.place("you", "y", BUY, 120, 10))
    assert (turned.side, turned.level, turned.to_level, turned.profit_units) == (SELL, 2, 1, 10 * 10 * UNIT)
    grid = grid_of(desk)
    assert (grid.round_lots, grid.profit_units) == (10, 100 * UNIT)
    assert orders_of(desk) == [(BUY, 100, 10), (BUY, 110, 10), (SELL, 130, 10), (SELL, 140, 10)]


def test_a_cell_that_began_short_ends_its_round_with_buying_back() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    (sold,) = of(GridTurned, desk.place("you", "x", BUY, 130, 4))
    assert sold.profit_units == 0
    (bought,) = of(GridTurned, desk.place("you", "y", SELL, 120, 4))
    assert bought.profit_units == 10 * 4 * UNIT


def test_trap_31_the_edges_turn_inwards_only() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 100, 20)
    assert orders_of(desk) == [(SELL, 110, 10), (SELL, 120, 10), (SELL, 130, 10), (SELL, 140, 10)]
    desk.place("you", "y", BUY, 140, 40)
    assert orders_of(desk) == [(BUY, 100, 10), (BUY, 110, 10), (BUY, 120, 10), (BUY, 130, 10)]


def test_trap_34_only_what_filled_is_turned() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 3)
    assert orders_of(desk)[1:3] == [(BUY, 110, 7), (SELL, 120, 3)]
    desk.place("you", "y", SELL, 110, 4)
    assert orders_of(desk)[1:3] == [(BUY, 110, 3), (SELL, 120, 7)]
    assert len(orders_of(desk)) == 5, "the second part joins the first"


def test_trap_35_the_level_counts_and_not_the_price_of_the_trade() -> None:
    # The same ladder, turned by a trade at the level and by one that swept from far away.
    near, far = Desk(), Desk()
    for desk, price in ((near, 110), (far, 1)):
        start(desk, reference_ticks=120)
        desk.place("you", "x", SELL, price, 10)
    assert orders_of(near) == orders_of(far)


def test_trap_36_starting_twice_doubles_nothing() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    before = orders_of(desk)
    (refused,) = start(desk, reference_ticks=120)
    assert refused.reason is RejectReason.NAME_TAKEN
    assert orders_of(desk) == before


def test_trap_37_a_grid_that_cannot_be_paid_places_nothing() -> None:
    desk = Desk()
    # Each order alone could be paid; all together cost more than the account has.
    lots = 4 * 10**9
    assert desk.exchange.ledger.accounts.free("me", "USDT") > 130 * lots * UNIT
    (refused,) = start(desk, quantity_lots=lots, reference_ticks=200)
    assert refused.reason is RejectReason.INSUFFICIENT_BALANCE
    (refused,) = start(desk, quantity_lots=4 * 10**5, reference_ticks=1)
    assert refused.reason is RejectReason.INSUFFICIENT_BALANCE, "the goods to sell are short too"
    assert not orders_of(desk)


def test_trap_37_a_geometric_grid() -> None:
    desk = Desk()
    start(desk, spacing=GridSpacing.GEOMETRIC, low_ticks=100, high_ticks=200, reference_ticks=141)
    assert [price for _side, price, _lots in orders_of(desk)] == [100, 119, 168, 200]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"levels": 1}, RejectReason.GRID_INVALID),
        ({"levels": 0}, RejectReason.GRID_INVALID),
        ({"levels": 201, "high_ticks": 9999}, RejectReason.GRID_INVALID),
        ({"low_ticks": 141}, RejectReason.GRID_INVALID),
        ({"low_ticks": -1}, RejectReason.GRID_INVALID),
        ({"levels": 50}, RejectReason.GRID_INVALID),
        ({"spacing": "cubic"}, RejectReason.GRID_INVALID),
        ({"high_ticks": 2**63}, RejectReason.GRID_INVALID),
        ({"high_ticks": 140.5}, RejectReason.GRID_INVALID),
        ({"quantity_lots": 0}, RejectReason.QUANTITY_INVALID),
        ({"quantity_lots": -3}, RejectReason.QUANTITY_INVALID),
        ({"quantity_lots": 2**62}, RejectReason.QUANTITY_INVALID),
        ({"grid": ""}, RejectReason.NAME_INVALID),
        ({"grid": "a/b"}, RejectReason.NAME_INVALID),
        ({"account": "nobody"}, RejectReason.INSUFFICIENT_BALANCE),
        ({"reference_ticks": 0}, RejectReason.NO_MARK_PRICE),
        ({"reference_ticks": -1}, RejectReason.PRICE_INVALID),
    ],
)
def test_trap_33_a_bad_grid_is_refused_and_changes_nothing(terms: dict, reason: RejectReason) -> None:
    desk = Desk()
    (refused,) = start(desk, **{"reference_ticks": 120} | terms)
    assert isinstance(refused, CommandRefused)
    assert refused.reason is reason


def test_orders_too_small_for_the_market_are_refused() -> None:
    small = msgspec.structs.replace(ETH, quantity_lots_min=20)
    desk = Desk()
    desk.exchange.instruments[ETH.symbol] = small
    assert start(desk, reference_ticks=120)[0].reason is RejectReason.QUANTITY_INVALID


def test_too_many_orders_or_grids_are_refused() -> None:
    desk = Desk(open_orders_max=3)
    assert start(desk, reference_ticks=120)[0].reason is RejectReason.TOO_MANY_OPEN_ORDERS
    desk = Desk()
    for number in range(GRIDS_PER_MARKET_MAX):
        start(desk, grid=f"g{number}", reference_ticks=120)
    assert start(desk, grid="more", reference_ticks=120)[0].reason is RejectReason.TOO_MANY_GRIDS
    assert len(orders_of(desk)) == 4 * GRIDS_PER_MARKET_MAX


def test_the_empty_level_is_within_the_books_touch() -> None:
    desk = Desk()
    desk.mark(139)
    desk.place("you", "a", SELL, 112, 1)
    start(desk)
    assert [price for side, price, _ in orders_of(desk) if side is BUY] == [100]
    assert grid_of(desk).cells[0].begins_long


def test_a_grid_beside_the_market_has_one_side() -> None:
    desk = Desk()
    desk.mark(50)
    start(desk, grid="above")
    assert {side for side, _, _ in orders_of(desk)} == {SELL}
    desk.run(StopGrid, account="me", grid="above")
    desk.mark(500)
    start(desk, grid="below")
    assert {side for side, _, _ in orders_of(desk)} == {BUY}


def test_a_grid_never_takes() -> None:
    desk = Desk()
    desk.place("me", "own", SELL, 107, 1)
    desk.mark(120)
    start(desk)
    # The best ask, our own, is the reference then: no buy may meet it.
    assert [price for side, price, _ in orders_of(desk) if side is BUY] == [100]


def test_pause_and_resume_keep_every_lot_where_it_waits() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 3)
    before = orders_of(desk)
    (paused,) = of(GridPaused, desk.run(PauseGrid, account="me", grid="g"))
    assert paused.reason == ""
    assert not orders_of(desk)
    assert not desk.exchange.ledger.accounts.balance("me", "USDT").locked
    assert of(GridResumed, desk.run(ResumeGrid, account="me", grid="g"))
    assert orders_of(desk) == before


def test_a_grid_that_would_take_now_is_not_resumed() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.run(PauseGrid, account="me", grid="g")
    desk.place("you", "x", BUY, 135, 1)
    (refused,) = desk.run(ResumeGrid, account="me", grid="g")
    assert refused.reason is RejectReason.WOULD_TAKE
    assert not orders_of(desk), "nor is any part of it"


def test_states_that_do_not_fit_are_refused() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    assert desk.run(ResumeGrid, account="me", grid="g")[0].reason is RejectReason.WRONG_STATE
    desk.run(PauseGrid, account="me", grid="g")
    assert desk.run(PauseGrid, account="me", grid="g")[0].reason is RejectReason.WRONG_STATE
    for kind in (PauseGrid, ResumeGrid, StopGrid):
        assert desk.run(kind, account="you", grid="g")[0].reason is RejectReason.UNKNOWN_GRID


def test_stop_takes_all_off_and_forgets() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 10)
    desk.place("you", "y", BUY, 120, 10)
    (stopped,) = of(GridStopped, desk.run(StopGrid, account="me", grid="g"))
    assert (stopped.round_lots, stopped.profit_units) == (10, 100 * UNIT)
    assert not orders_of(desk)
    assert not desk.exchange.grids.grids
    assert of(GridStarted, start(desk, reference_ticks=120))[0].grid_id == 2


def test_an_order_that_the_owner_cancels_pauses_the_grid() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    order = desk.exchange.orders.open_of("me", [ETH.symbol])[0]
    (paused,) = of(GridPaused, desk.cancel("me", order.order_id))
    assert "canceled" in paused.reason
    assert not orders_of(desk)


def test_a_venue_that_ends_all_orders_pauses_every_grid() -> None:
    desk = Desk()
    start(desk, grid="a", reference_ticks=120)
    start(desk, grid="b", reference_ticks=120)
    paused = of(GridPaused, desk.run(ExpireOpenOrders, reason="venue_restart"))
    assert [event.grid for event in paused] == ["a", "b"]
    assert "venue_restart" in paused[0].reason


def test_nobody_else_changes_an_order_of_a_grid() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    order = desk.exchange.orders.open_of("me", [ETH.symbol])[0]
    name = {"account": "me", "symbol": ETH.symbol, "order_id": order.order_id}
    for event in (*desk.run(AmendOrder, price_ticks=99, **name), *desk.run(ReduceOrder, quantity_lots=1, **name)):
        assert event.reason is RejectReason.NOT_AUTHORISED


def test_lots_below_the_markets_minimum_wait_for_more() -> None:
    desk = Desk()
    desk.exchange.instruments[ETH.symbol] = msgspec.structs.replace(ETH, quantity_lots_min=5)
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 6)
    assert (SELL, 120, 6) in orders_of(desk)
    desk.place("you", "y", BUY, 120, 6)
    assert (BUY, 110, 10) in orders_of(desk), "four were left of the old one"


def test_too_few_lots_are_no_order() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    # The market's smallest order grows while the grid runs.
    desk.exchange.instruments[ETH.symbol] = msgspec.structs.replace(ETH, quantity_lots_min=5)
    desk.place("you", "x", SELL, 110, 10)
    # Taken by the world, whose orders have no smallest size.
    desk.run(TakeLiquidity, symbol=ETH.symbol, side=BUY, price_ticks=120, quantity_lots=4)
    assert (BUY, 110, 4) not in orders_of(desk)
    assert grid_of(desk).cells[1].buy_lots == 4
    desk.run(TakeLiquidity, symbol=ETH.symbol, side=BUY, price_ticks=120, quantity_lots=1)
    assert (BUY, 110, 5) in orders_of(desk)


def test_a_halted_market_is_waited_for() -> None:
    desk = Desk(breaker_bps=500, halt_s=300, post_only_s=60)
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 100, 20)
    grid = grid_of(desk)
    assert grid.owes and not grid.is_paused
    assert orders_of(desk) == [(SELL, 130, 10), (SELL, 140, 10)]
    assert desk.loaded().state_hash() == desk.exchange.state_hash()
    desk.wait_until(desk.exchange.time_ns + 301 * 10**9)
    assert orders_of(desk) == [(SELL, 110, 10), (SELL, 120, 10), (SELL, 130, 10), (SELL, 140, 10)]
    assert not grid_of(desk).owes and not grid_of(desk).retry_ns


def test_fees_in_the_bought_asset_leave_less_to_sell() -> None:
    desk = Desk(maker_bps="100", accounts=["you"])
    desk.run(Deposit, account="me", asset="USDT", units=units_from_text("1000"))
    start(desk, reference_ticks=500, quantity_lots=1000)
    desk.place("you", "x", SELL, 130, 1000)
    assert orders_of(desk)[-1] == (SELL, 140, 990), "one percent of the lots was the fee"
    assert grid_of(desk).cells[3].sell_lots == 1000
    desk.place("you", "y", BUY, 140, 990)
    assert (BUY, 130, 990) in orders_of(desk)


def test_money_that_is_gone_pauses_the_grid() -> None:
    desk = Desk(maker_bps="9950")
    desk.run(Deposit, account="me", asset="USDT", units=units_from_text("1000"))
    free = desk.exchange.ledger.accounts.free("me", "ETH")
    desk.run(Withdraw, account="me", asset="ETH", units=free)
    start(desk, reference_ticks=500)
    assert not of(GridPaused, desk.place("you", "x", SELL, 130, 1)), "nine lots still work there"
    events = desk.place("you", "z", SELL, 130, 9)
    (paused,) = of(GridPaused, events)
    assert paused.reason == RejectReason.INSUFFICIENT_BALANCE
    assert not orders_of(desk)
    assert desk.run(ResumeGrid, account="me", grid="g")[0].reason is RejectReason.INSUFFICIENT_BALANCE
    desk.run(Deposit, account="me", asset="ETH", units=free)
    desk.run(ResumeGrid, account="me", grid="g")
    assert orders_of(desk)[-1] == (SELL, 140, 10)


def test_a_grid_that_is_off_is_refused() -> None:
    exchange = Exchange(ExchangeConfig(instruments=[ETH], fees=Desk().config.fees, features=Features(grids=False)))
    (refused,) = exchange.execute(StopGrid(time_ns=1, account="me", grid="g"))
    assert refused.reason is RejectReason.FEATURE_OFF


def test_a_replay_and_a_snapshot_go_on_as_the_grid_did() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 3)
    for other in (desk.replayed(), desk.loaded()):
        assert other.state_hash() == desk.exchange.state_hash()
        told = []
        for exchange in (other, desk.loaded()):
            at = exchange.time_ns
            told.append(
                [
                    exchange.execute(command)
                    for command in (
                        TakeLiquidity(time_ns=at + 1, symbol=ETH.symbol, side=SELL, price_ticks=100, quantity_lots=12),
                        SetMark(time_ns=at + 2, symbol=ETH.symbol, price_ticks=105),
                        TakeLiquidity(time_ns=at + 3, symbol=ETH.symbol, side=BUY, price_ticks=130, quantity_lots=25),
                        PassTime(time_ns=at + 4),
                    )
                ]
            )
            assert len(exchange.orders.open_of("me", [ETH.symbol])) >= 4
        assert told[0] == told[1]


def test_orders_are_named_once() -> None:
    desk = Desk()
    placed = of(OrderPlaced, start(desk, reference_ticks=120))
    for turn in range(4):
        placed += of(OrderPlaced, desk.place("you", f"s{turn}", SELL, 110, 10))
        placed += of(OrderPlaced, desk.place("you", f"b{turn}", BUY, 120, 10))
    names = [event.client_order_id for event in placed if event.account == "me"]
    assert len(names) == len(set(names)) == 12


def test_only_the_venue_links_orders() -> None:
    desk = Desk()
    events = desk.place("me", "x", BUY, 100, 1, link="grid:1")
    assert events[0].reason is RejectReason.NOT_AUTHORISED
    assert StartGrid in desk.exchange.grids.trading
