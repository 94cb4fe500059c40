"""Strategies through the exchange: a perpetual "X-PERP" and spot "X-USD", ticks and lots of one whole unit."""

import msgspec
import pytest

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import CancelOrder, Deposit, SetMark
from common.exchange.configuration import Features
from common.exchange.events import Event, OrderRejected, RejectReason
from common.exchange.grids.commands import PauseGrid
from common.exchange.grids.events import GridStopped
from common.exchange.grids.levels import GridSpacing
from common.exchange.margin.commands import MoveCollateral
from common.exchange.quotes.commands import CancelQuote
from common.exchange.strategies.commands import StartStrategy, StopStrategy
from common.exchange.strategies.engine import STRATEGIES_MAX
from common.exchange.strategies.events import StrategyStarted, StrategyStopped
from common.exchange.strategies.terms import CustomTerms, DeltaNeutralTerms, GridTerms, StrategyTerms, TwoSidedTerms
from common.model.order import Side
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, PerpetualDesk

PERP = "X-PERP"
GRID = GridTerms(
    symbol=PERP, spacing=GridSpacing.ARITHMETIC, low_ticks=90, high_ticks=110, levels=5, quantity_lots=2,
    reference_ticks=100,
)  # fmt: skip
TWO_SIDED = TwoSidedTerms(symbol=PERP, bid_lots=5, ask_lots=5, spread_bps=200, held_lots_max=10, skew_bps=200)
NEUTRAL = DeltaNeutralTerms(base="X", hedge_symbol=PERP, band_units=3 * UNIT, order_lots_max=8)


def of(kind, events):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


def desk_of(*accounts: str, **options) -> PerpetualDesk:  # type: ignore[no-untyped-def]
    desk = PerpetualDesk("me", "you", *accounts, **options)
    desk.mark(100)
    return desk


def start(desk: PerpetualDesk, terms: StrategyTerms, name: str = "s", account: str = "me", by: str = "") -> list[Event]:
    return desk.run(StartStrategy, account=account, strategy=name, terms=terms, by=by)


def orders(desk: PerpetualDesk, symbol: str = PERP) -> list[tuple[Side, int, int]]:
    """(side, price, open lots) of what strategies of "me" have on the book."""
    found = desk.exchange.orders.open_of("me", [symbol])
    return sorted((order.side, order.price_ticks, order.remaining_lots) for order in found if order.terms.link)


def give(desk: PerpetualDesk, lots: int) -> None:
    """Put spot goods into the account; not through `run`, whose count of money is of USD."""
    desk.run(Deposit, account="me", asset="X", units=lots * UNIT)


def reason_of(events: list[Event]) -> RejectReason:
    (event,) = events
    return event.reason  # type: ignore[attr-defined, no-any-return]


def test_a_grid_strategy_trades_and_stops() -> None:
    desk = desk_of()
    (started,) = of(StrategyStarted, start(desk, GRID))
    assert (started.kind, started.tag, started.strategy_id) == ("grid", "grid:1", 1)
    assert len(orders(desk)) == 4
    desk.place("you", SELL, 95, 2)
    assert (SELL, 100, 2) in orders(desk)
    events = desk.run(StopStrategy, account="me", strategy="s")
    assert of(StrategyStopped, events)[0].reason == "stopped"
    assert of(GridStopped, events)
    assert not orders(desk) and not desk.exchange.strategies.strategies


def test_a_grid_that_goes_wrong_stops_its_strategy() -> None:
    desk = desk_of()
    start(desk, GRID)
    order = desk.exchange.orders.open_of("me", [PERP])[0]
    events = desk.run(CancelOrder, account="me", symbol=PERP, order_id=order.order_id)
    (stopped,) = of(StrategyStopped, events)
    assert "canceled" in stopped.reason
    assert not orders(desk) and not desk.exchange.grids.grids


def test_a_strategys_grid_may_be_paused_by_its_owner() -> None:
    desk = desk_of()
    start(desk, GRID)
    desk.run(PauseGrid, account="me", grid="s")
    assert desk.exchange.strategies.find("me", "s") is not None


def test_a_two_sided_strategy_leans_against_what_it_holds() -> None:
    desk = desk_of()
    (started,) = of(StrategyStarted, start(desk, TWO_SIDED))
    assert (started.kind, started.tag) == ("two_sided", "quote:1")
    assert orders(desk) == [(BUY, 99, 5), (SELL, 101, 5)]
    desk.place("you", SELL, 99, 5)
    assert orders(desk) == [(BUY, 98, 5), (SELL, 100, 5)]
    desk.place("you", SELL, 98, 5)
    assert orders(desk) == [(SELL, 99, 5)], "it holds what it may"
    desk.mark(200)
    assert orders(desk) == [(SELL, 198, 5)]


def test_a_quote_that_ends_stops_its_strategy() -> None:
    desk = desk_of()
    start(desk, TWO_SIDED)
    (stopped,) = of(StrategyStopped, desk.run(CancelQuote, account="me", symbol=PERP))
    assert stopped.reason == "canceled"
    assert not orders(desk)


def test_delta_is_spot_and_perpetuals_together() -> None:
    desk = desk_of()
    give(desk, 7)
    desk.deal("you", "me", 100, 4)
    assert desk.exchange.strategies.delta_units("me", "X") == 3 * UNIT
    assert desk.exchange.strategies.delta_units("nobody", "X") == 0


def test_a_delta_neutral_strategy_hedges_passively_to_its_target() -> None:
    desk = desk_of()
    desk.place("you", BUY, 98, 1)
    desk.place("you", SELL, 103, 1)
    give(desk, 5)
    start(desk, NEUTRAL)
    assert orders(desk) == [(SELL, 103, 5)], "it joins the best price of its side"
    desk.place("you", BUY, 103, 3)
    # One of the three went to you's own sale first, which took it off.
    assert desk.position("me").lots == -3
    assert orders(desk) == [(SELL, 100, 2)], "within the band, but it goes on to the target, now at the mark"
    desk.place("you", BUY, 100, 2)
    assert not orders(desk)
    assert desk.exchange.strategies.delta_units("me", "X") == 0


def test_within_the_band_nothing_is_begun() -> None:
    desk = desk_of()
    give(desk, 3)
    start(desk, NEUTRAL)
    assert not orders(desk)
    give(desk, 1)
    assert orders(desk) == [(SELL, 100, 4)], "a payment is looked at too"


def test_a_hedge_is_bounded_and_goes_on() -> None:
    desk = desk_of()
    give(desk, 20)
    start(desk, NEUTRAL)
    assert orders(desk) == [(SELL, 100, 8)]
    for lots in (8, 8, 4):
        desk.place("you", BUY, 100, lots)
    assert desk.position("me").lots == -20
    assert not orders(desk)


def test_a_hedge_turns_round_with_the_delta() -> None:
    desk = desk_of()
    give(desk, 5)
    start(desk, NEUTRAL)
    assert orders(desk) == [(SELL, 100, 5)]
    desk.place("me", SELL, 99, 12)
    desk.place("you", BUY, 99, 12)
    assert orders(desk) == [(BUY, 100, 7)]


def test_a_hedge_follows_the_market_beyond_its_threshold() -> None:
    desk = desk_of()
    give(desk, 5)
    start(desk, msgspec.structs.replace(NEUTRAL, reprice_bps=500))
    desk.mark(104)
    assert orders(desk) == [(SELL, 100, 5)]
    desk.mark(106)
    assert orders(desk) == [(SELL, 106, 5)]


def test_a_hedge_never_takes() -> None:
    desk = desk_of()
    desk.place("you", BUY, 105, 1)
    give(desk, 5)
    start(desk, NEUTRAL)
    assert orders(desk) == [(SELL, 106, 5)]


def test_a_hedge_to_a_target_on_spot() -> None:
    desk = desk_of()
    give(desk, 5)
    start(
        desk,
        DeltaNeutralTerms(base="X", hedge_symbol="X-USD", band_units=UNIT, order_lots_max=9, target_units=2 * UNIT),
    )
    desk.run(SetMark, symbol="X-USD", price_ticks=100)
    assert orders(desk, "X-USD") == [(SELL, 100, 3)]


def test_a_hedge_that_cannot_be_paid_stops_the_strategy_and_says_why() -> None:
    desk = desk_of(money=10)
    give(desk, 50)
    (stopped,) = of(StrategyStopped, start(desk, msgspec.structs.replace(NEUTRAL, order_lots_max=50)))
    assert stopped.reason == RejectReason.INSUFFICIENT_MARGIN
    assert not orders(desk) and not desk.exchange.strategies.strategies


def test_a_hedge_that_somebody_takes_off_stops_the_strategy() -> None:
    desk = desk_of()
    give(desk, 5)
    start(desk, NEUTRAL)
    order_id = desk.exchange.strategies.find("me", "s").order_id
    (stopped,) = of(StrategyStopped, desk.run(CancelOrder, account="me", symbol=PERP, order_id=order_id))
    assert stopped.reason == f"order {order_id} canceled"
    assert not orders(desk)


def test_nothing_is_heard_of_trades_while_nobody_hedges() -> None:
    desk = desk_of()
    before = len(desk.exchange._core.on_trade)
    start(desk, NEUTRAL)
    assert len(desk.exchange._core.on_trade) == before + 1
    desk.run(StopStrategy, account="me", strategy="s")
    assert len(desk.exchange._core.on_trade) == before


def test_a_custom_strategy_only_limits() -> None:
    desk = desk_of()
    (started,) = of(
        StrategyStarted, start(desk, CustomTerms(symbols=[PERP], order_lots_max=5, position_lots_max={PERP: 8}))
    )
    assert (started.kind, started.tag) == ("custom", "")
    assert reason_of(desk.place("me", BUY, 90, 6)) is RejectReason.OUTSIDE_STRATEGY
    assert reason_of(desk.place("me", BUY, 90, 1, symbol="X-USD")) is not None
    desk.place("me", BUY, 90, 5)
    assert reason_of(desk.place("me", BUY, 90, 4)) is RejectReason.OUTSIDE_STRATEGY
    desk.place("me", BUY, 90, 3)
    desk.place("me", SELL, 110, 5)
    assert of(OrderRejected, desk.place("you", BUY, 95, 50)) == [], "others are free"
    desk.run(StopStrategy, account="me", strategy="s")
    assert not of(OrderRejected, desk.place("me", BUY, 90, 60))


def test_a_custom_strategy_lets_positions_shrink() -> None:
    desk = desk_of()
    desk.deal("me", "you", 100, 20)
    start(desk, CustomTerms(order_lots_max=5, position_lots_max={PERP: 8}))
    assert not of(OrderRejected, desk.place("me", SELL, 105, 20))
    assert of(OrderRejected, desk.place("me", BUY, 95, 1))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        (msgspec.structs.replace(GRID, levels=1), RejectReason.GRID_INVALID),
        (msgspec.structs.replace(GRID, quantity_lots=10**6), RejectReason.INSUFFICIENT_MARGIN),
        (msgspec.structs.replace(GRID, symbol="Y"), RejectReason.UNKNOWN_MARKET),
        (msgspec.structs.replace(TWO_SIDED, symbol="Y"), RejectReason.UNKNOWN_MARKET),
        (msgspec.structs.replace(TWO_SIDED, held_lots_max=0), RejectReason.STRATEGY_INVALID),
        (msgspec.structs.replace(TWO_SIDED, spread_bps=20_000), RejectReason.QUOTE_INVALID),
        (msgspec.structs.replace(TWO_SIDED, spread_bps_min=300), RejectReason.SPREAD_TOO_NARROW),
        (msgspec.structs.replace(NEUTRAL, hedge_symbol="Y"), RejectReason.UNKNOWN_MARKET),
        (msgspec.structs.replace(NEUTRAL, base="USD"), RejectReason.STRATEGY_INVALID),
        (msgspec.structs.replace(NEUTRAL, band_units=UNIT - 1), RejectReason.STRATEGY_INVALID),
        (msgspec.structs.replace(NEUTRAL, order_lots_max=0), RejectReason.STRATEGY_INVALID),
        (msgspec.structs.replace(NEUTRAL, reprice_bps=-1), RejectReason.STRATEGY_INVALID),
        (CustomTerms(symbols=["Y"]), RejectReason.STRATEGY_INVALID),
        (CustomTerms(position_lots_max={PERP: -1}), RejectReason.STRATEGY_INVALID),
        ("anything", RejectReason.STRATEGY_INVALID),
    ],
)  # fmt: skip
def test_bad_terms_are_refused_and_change_nothing(terms: StrategyTerms, reason: RejectReason) -> None:
    assert reason_of(start(desk_of(), terms)) is reason


def test_names_and_kinds_are_taken_once() -> None:
    desk = desk_of()
    start(desk, NEUTRAL)
    assert reason_of(start(desk, TWO_SIDED)) is RejectReason.NAME_TAKEN
    assert reason_of(start(desk, NEUTRAL, "t")) is RejectReason.WRONG_STATE
    start(desk, CustomTerms(), "c")
    assert reason_of(start(desk, CustomTerms(), "d")) is RejectReason.WRONG_STATE
    start(desk, TWO_SIDED, "q")
    assert reason_of(start(desk, TWO_SIDED, "r")) is RejectReason.WRONG_STATE
    assert reason_of(start(desk, TWO_SIDED, "a b")) is RejectReason.NAME_INVALID
    assert reason_of(desk.run(StopStrategy, account="you", strategy="q")) is RejectReason.UNKNOWN_STRATEGY


def test_an_account_has_only_so_many_strategies() -> None:
    desk = desk_of(money=10**6)
    grids = [
        msgspec.structs.replace(GRID, symbol=symbol, quantity_lots=1) for symbol in (PERP, "X-USD") for _ in range(5)
    ]
    give(desk, 100)
    desk.run(MoveCollateral, account="me", asset="USD", units=-(10**5) * UNIT)
    for number, terms in enumerate(grids[:STRATEGIES_MAX]):
        assert of(StrategyStarted, start(desk, terms, f"g{number}"))
    assert reason_of(start(desk, NEUTRAL, "more")) is RejectReason.TOO_MANY_STRATEGIES


def test_a_manager_starts_strategies_for_the_account() -> None:
    desk = desk_of()
    desk.exchange._core.managers["me"] = "boss"
    assert reason_of(start(desk, GRID)) is RejectReason.NOT_AUTHORISED
    assert of(StrategyStarted, start(desk, GRID, by="boss"))


def test_what_is_off_is_refused() -> None:
    desk = desk_of(features=Features(grids=False, quotes=False))
    assert reason_of(start(desk, GRID)) is RejectReason.FEATURE_OFF
    assert reason_of(start(desk, TWO_SIDED)) is RejectReason.FEATURE_OFF
    assert reason_of(start(desk_of(features=Features(strategies=False)), NEUTRAL)) is RejectReason.FEATURE_OFF


def test_a_snapshot_knows_every_kind() -> None:
    desk = desk_of()
    give(desk, 5)
    start(desk, NEUTRAL, "n")
    start(desk, msgspec.structs.replace(GRID, low_ticks=80, high_ticks=99, reference_ticks=99), "g")
    start(desk, msgspec.structs.replace(TWO_SIDED, spread_bps=600), "q")
    start(desk, CustomTerms(order_lots_max=50), "c")
    restored = desk.loaded()
    assert restored.state_hash() == desk.exchange.state_hash()
    for price in (104, 95, 120):
        command = SetMark(time_ns=desk.exchange.time_ns + 1, symbol=PERP, price_ticks=price)
        assert restored.execute(command) == desk.exchange.execute(command)
    assert reason_of(desk.place("me", BUY, 80, 51)) is RejectReason.OUTSIDE_STRATEGY
    for name in "ngqc":
        stop = StopStrategy(time_ns=desk.exchange.time_ns + 1, account="me", strategy=name)
        assert restored.execute(stop) == desk.exchange.execute(stop)
    assert restored.state_hash() == desk.exchange.state_hash()
    assert not orders(desk)


def test_terms_travel() -> None:
    for terms in (GRID, TWO_SIDED, NEUTRAL, CustomTerms(symbols=[PERP])):
        command = StartStrategy(time_ns=1, account="me", strategy="s", terms=terms)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(command), type=AnyCommand) == command
