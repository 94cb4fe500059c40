"""Strategies inside of a vault: its manager runs them, its limits hold, and analytics tells profit from deposits."""

from msgspec.structs import replace

from common.exchange.analytics.equity import HOUR_NS
from common.exchange.events import RejectReason
from common.exchange.grids.commands import PauseGrid, StartGrid
from common.exchange.grids.events import GridPaused, GridStopped
from common.exchange.grids.levels import GridSpacing
from common.exchange.pools.commands import SetPoolFeeShare
from common.exchange.quotes.commands import SetQuote
from common.exchange.quotes.terms import QuoteTerms
from common.exchange.strategies.commands import StartStrategy, StopStrategy
from common.exchange.strategies.events import StrategyStarted, StrategyStopped
from common.exchange.strategies.terms import CustomTerms, GridTerms, TwoSidedTerms
from common.exchange.vaults.commands import CloseVault, PauseVault
from common.exchange.vaults.events import VaultClosed
from common.exchange.vaults.records import RiskLimits
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT
from tests.unit.exchange.pools.pool_desk import LADDER, PoolDesk
from tests.unit.exchange.vaults.vault_desk import V, VaultDesk

GRID = GridTerms(
    symbol="X-PERP", spacing=GridSpacing.ARITHMETIC, low_ticks=90, high_ticks=110, levels=5, quantity_lots=2,
    reference_ticks=100,
)  # fmt: skip
TWO_SIDED = TwoSidedTerms(symbol="X-PERP", bid_lots=5, ask_lots=5, spread_bps=400, held_lots_max=50)


def of(kind, events):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


def desk_of(**terms) -> VaultDesk:  # type: ignore[no-untyped-def]
    desk = VaultDesk(**terms)
    desk.pay_in("a", 5_000)
    return desk


def start(desk: VaultDesk, terms, name: str = "s", by: str = "mary"):  # type: ignore[no-untyped-def]
    return desk.run(StartStrategy, account=V, strategy=name, terms=terms, by=by)


def linked(desk: VaultDesk) -> int:
    return sum(bool(order.terms.link) for order in desk.exchange.orders.open_of(V, ["X-PERP", "X-USD"]))


def test_the_manager_and_nobody_else_runs_a_vaults_strategies() -> None:
    desk = desk_of()
    for other in ("boss", "a", ""):
        assert start(desk, GRID, by=other)[0].reason is RejectReason.NOT_AUTHORISED
    assert of(StrategyStarted, start(desk, GRID))
    assert linked(desk) == 4
    desk.place("other", SELL, 95, 2)
    assert desk.exchange.margin.position(V, "X-PERP").lots == 2
    assert of(StrategyStopped, desk.run(StopStrategy, account=V, strategy="s", by="mary"))


def test_a_vaults_own_limits_hold_for_all_orders_of_a_grid_together() -> None:
    desk = desk_of(limits=RiskLimits(position_lots_max={"X-PERP": 3}))
    assert start(desk, GRID)[0].reason is RejectReason.POSITION_TOO_LARGE
    assert not linked(desk)
    assert of(StrategyStarted, start(desk, replace(GRID, quantity_lots=1)))


def test_a_strategy_stops_when_the_vaults_limit_stops_its_next_order() -> None:
    desk = desk_of(limits=RiskLimits(position_lots_max={"X-PERP": 7}))
    start(desk, TWO_SIDED)
    (stopped,) = of(StrategyStopped, desk.place("other", SELL, 98, 5))
    assert stopped.reason == RejectReason.POSITION_TOO_LARGE
    assert not linked(desk)


def test_a_paused_vault_stops_its_strategies() -> None:
    desk = desk_of()
    start(desk, GRID)
    start(desk, TWO_SIDED, "q")
    events = desk.run(PauseVault, account="boss", vault="v")
    assert {event.strategy for event in of(StrategyStopped, events)} == {"s", "q"}
    assert not linked(desk)
    assert start(desk, GRID)[0].reason is RejectReason.ONLY_REDUCING


def test_a_closed_vault_leaves_nothing_waiting() -> None:
    desk = desk_of()
    desk.run(
        StartGrid, account=V, symbol="X-PERP", grid="g", spacing=GridSpacing.ARITHMETIC, low_ticks=90, high_ticks=110,
        levels=3, quantity_lots=1, reference_ticks=100, by="mary",
    )  # fmt: skip
    desk.run(PauseGrid, account=V, grid="g", by="mary")
    start(desk, CustomTerms(order_lots_max=5), "c")
    events = desk.run(CloseVault, account="boss", vault="v", force=True)
    events += desk.wait_until(HOUR_NS)
    assert of(VaultClosed, events)
    assert [event.reason for event in of(GridStopped, events)] == ["vault closed"]
    assert [event.strategy for event in of(StrategyStopped, events)] == ["c"]
    assert not desk.exchange.grids.grids and not desk.exchange.strategies.strategies


def test_shares_that_are_bought_are_a_flow_and_what_the_vault_wins_is_not() -> None:
    desk = desk_of()
    start(desk, GRID)
    desk.place("other", SELL, 95, 2)
    desk.place("other", BUY, 100, 2)
    desk.wait_until(HOUR_NS)
    desk.pay_in("b", 1_000)
    desk.wait_until(2 * HOUR_NS)
    desk.pay_out("b")
    desk.wait_until(3 * HOUR_NS)
    told = desk.exchange.analytics.account(V, "USD")
    assert told.total.net_units == 10 * UNIT
    assert told.hours_flows[1] == told.hours[1] - told.hours[0] == 1_000 * UNIT
    assert told.hours_flows[2] == told.hours[2] - told.hours[1] < -999 * UNIT
    assert desk.exchange.analytics.tag("grid:1").markets["X-PERP"].gross_units == 10 * UNIT


def test_a_depositors_payment_is_no_loss() -> None:
    desk = desk_of()
    desk.fund("a", 1_000)
    desk.deal("a", "other", 100, 1)
    desk.wait_until(HOUR_NS)
    desk.pay_in("a", 500)
    desk.wait_until(2 * HOUR_NS)
    told = desk.exchange.analytics.account("a", "USD")
    assert told.hours_flows[1:] == [-500 * UNIT]
    assert told.hours[1] - told.hours[0] == -500 * UNIT


def test_a_quote_of_a_vault_is_the_managers_too() -> None:
    desk = desk_of()
    terms = QuoteTerms(bid_lots=1, ask_lots=1, mid_ticks=100, spread_bps=200)
    quote = {"account": V, "symbol": "X-PERP", "terms": terms}
    assert desk.run(SetQuote, **quote)[0].reason is RejectReason.NOT_AUTHORISED
    desk.run(SetQuote, by="mary", **quote)
    assert linked(desk) == 2
    assert not of(GridPaused, desk.mark(101))


def test_a_pools_share_of_the_fees_is_profit_and_its_orders_have_a_tag() -> None:
    desk = PoolDesk(ladder=LADDER, taker_bps=100)
    desk.run(SetPoolFeeShare, pool="p", fee_share_bps=5_000)
    desk.pay_in("a", 2_000, pool="p")
    desk.place("other", SELL, 95, 1)
    before = desk.exchange.analytics.account("pool/p", "USD")
    desk.place("other", SELL, 95, 1)
    told = desk.exchange.analytics.account("pool/p", "USD")
    assert told.put_in_units == before.put_in_units
    assert told.other_units - before.other_units == 95 * UNIT // 100 // 2, "half of the taker's fee"
    (tag,) = {order.terms.link for order in desk.exchange.orders.open_of("pool/p", ["X-PERP"])}
    assert desk.exchange.analytics.tag(tag).markets["X-PERP"].maker_trades == told.total.maker_trades
