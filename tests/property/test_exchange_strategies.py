"""Strategies under random markets: few orders, none left behind, and the same after a restart."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.commands import CancelOrder, Deposit, PlaceOrder, SetMark, Withdraw
from common.exchange.grids.levels import GridSpacing
from common.exchange.margin.commands import MoveCollateral
from common.exchange.strategies.commands import StartStrategy, StopStrategy
from common.exchange.strategies.terms import CustomTerms, DeltaNeutralTerms, GridTerms, TwoSidedTerms
from common.model.order import Side
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk

MARKETS = ("X-PERP", "X-USD")


def draw_terms(random: Random):  # type: ignore[no-untyped-def]
    """Terms of a random kind."""
    symbol, kind = random.choice(MARKETS), random.randrange(4)
    if kind == 0:
        low = random.randrange(60, 100)
        return GridTerms(
            symbol=symbol, spacing=random.choice(list(GridSpacing)), low_ticks=low, high_ticks=low + 40,
            levels=random.randrange(2, 8), quantity_lots=random.randrange(1, 5),
        )  # fmt: skip
    if kind == 1:
        return TwoSidedTerms(
            symbol=symbol, bid_lots=random.randrange(1, 9), ask_lots=random.randrange(1, 9),
            spread_bps=random.choice((100, 300)), held_lots_max=random.randrange(1, 30), skew_bps=200,
        )  # fmt: skip
    if kind == 2:
        return DeltaNeutralTerms(
            base="X", hedge_symbol=symbol, band_units=random.randrange(1, 6) * UNIT,
            order_lots_max=random.randrange(1, 20), target_units=random.randrange(-5, 20) * UNIT,
        )  # fmt: skip
    return CustomTerms(symbols=[symbol], order_lots_max=random.choice((0, 20)), position_lots_max={symbol: 40})


def draw(random: Random, at: int):  # type: ignore[no-untyped-def]
    """One command."""
    kind, symbol, name = random.randrange(20), random.choice(MARKETS), random.choice("ab")
    if kind < 4:
        return StartStrategy(time_ns=at, account="me", strategy=name, terms=draw_terms(random))
    if kind < 5:
        return StopStrategy(time_ns=at, account="me", strategy=name)
    if kind < 9:
        return SetMark(time_ns=at, symbol=symbol, price_ticks=random.randrange(85, 115))
    if kind < 10:
        return CancelOrder(time_ns=at, account="me", symbol=symbol, order_id=random.randrange(1, at + 2))
    if kind < 11:
        move = random.choice((Deposit, Withdraw))
        return move(time_ns=at, account="me", asset="X", units=random.randrange(1, 10) * UNIT)
    return PlaceOrder(
        time_ns=at, account=random.choice(("you", "you", "me")), symbol=symbol, client_order_id=str(at),
        side=random.choice(list(Side)), quantity_lots=random.randrange(1, 12), price_ticks=random.randrange(80, 120),
    )  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32))
def test_no_order_without_its_strategy_and_the_same_after_a_restart(seed: int) -> None:
    random, desk = Random(seed), PerpetualDesk("me", "you", money=20_000)
    for account in ("me", "you"):
        desk.run(Deposit, account=account, asset="X", units=50 * UNIT)
        desk.run(MoveCollateral, account=account, asset="USD", units=-10_000 * UNIT)
    for symbol in MARKETS:
        desk.run(SetMark, symbol=symbol, price_ticks=100)
    exchange = desk.exchange
    for step in range(60):
        command = draw(random, exchange.time_ns + 1)
        if step == 40:
            restored = desk.loaded()
        events = exchange.execute(command)
        if step >= 40:
            assert restored.execute(command) == events
        linked = {order.terms.link for order in exchange.orders.open_of("me", MARKETS) if order.terms.link}
        strategies = exchange.strategies.of_account("me")
        assert linked <= {strategy.tag for strategy in strategies}
        hedges = [each for each in exchange.orders.open_of("me", MARKETS) if each.terms.link.startswith("strategy:")]
        assert len(hedges) == len({order.terms.link for order in hedges}), "more than one hedge order"
        assert len(hedges) == sum(bool(strategy.order_id) for strategy in strategies)
        assert desk.total() == desk.deposited
    assert restored.state_hash() == exchange.state_hash()
