"""Profit without a trade: what an account is worth is what it put in, what it has made, and what is still open."""

from common.exchange.analytics.equity import HOUR_NS
from common.exchange.commands import SetLevels, Withdraw
from common.exchange.margin.backstop import BACKSTOP_ACCOUNT
from common.exchange.margin.commands import (
    FundInsurance,
    MergePosition,
    MoveCollateral,
    SetOracle,
    SplitPosition,
    TransferPosition,
)
from common.exchange.margin.events import (
    DeficitCovered,
    FundingPaid,
    MarginTakenOver,
    PositionDeleveraged,
    PositionMerged,
    PositionTransferred,
)
from common.exchange.margin.rules import PerpetualRules
from tests.unit.exchange.margin.perpetual_desk import TIERS, UNIT, PerpetualDesk

PERP = "X-PERP"


def kinds(events) -> set[type]:  # type: ignore[no-untyped-def]
    return {type(event) for event in events}


def assert_adds_up(desk: PerpetualDesk, put_in: dict[str, int]) -> None:
    """What everybody is worth, from figures alone; `put_in` in whole units of USD."""
    margin = desk.exchange.margin
    for account, whole in put_in.items():
        told = desk.exchange.analytics.account(account, "USD")
        open_profit = margin.unrealised(PERP, margin.position(account, PERP))
        made = told.total.net_units + told.other_units + open_profit
        assert told.equity_units == whole * UNIT + made, account


def bankrupt_desk(**options) -> PerpetualDesk:  # type: ignore[no-untyped-def]
    """`a` is long 50 at 100 with 1000 of margin, against `b`."""
    desk = PerpetualDesk("a", "b", maker_bps=5, taker_bps=5, **options)
    desk.run(MoveCollateral, account="a", asset="USD", units=-9_000 * UNIT)
    desk.withdraw("a", 9_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 50)
    return desk


def test_funding_is_part_of_net_profit() -> None:
    desk = PerpetualDesk("a", "b", perpetual=PerpetualRules(tiers=TIERS, impact_units=UNIT), money=100_000)
    desk.run(SetOracle, symbol=PERP, price_ticks=10_000)
    desk.deal("a", "b", 10_000, 10)
    desk.run(SetLevels, symbol=PERP, bids=[(10_100, 10)], asks=[])
    assert FundingPaid in kinds(desk.wait_until(HOUR_NS))
    total = desk.exchange.analytics.account("a", "USD").total
    assert total.funding_units > 0
    assert total.net_units == -total.funding_units
    assert_adds_up(desk, {"a": 100_000, "b": 100_000})


def test_a_deleveraged_position_is_realized_on_both_sides() -> None:
    desk = bankrupt_desk()
    assert PositionDeleveraged in kinds(desk.mark(70))
    total = desk.exchange.analytics.account("a", "USD").total
    assert (total.losses, total.gross_units) == (1, -1000 * UNIT + total.fees_units)
    assert_adds_up(desk, {"a": 1_000, "b": 10_000})


def test_what_a_backstop_takes_over_is_lost_by_one_and_won_by_the_other() -> None:
    desk = bankrupt_desk()
    desk.fund(BACKSTOP_ACCOUNT, 100_000)
    assert MarginTakenOver in kinds(desk.mark(82))
    assert desk.exchange.analytics.account("a", "USD").other_units < 0
    assert_adds_up(desk, {"a": 1_000, "b": 10_000, BACKSTOP_ACCOUNT: 100_000})


def test_a_debt_that_others_pay_is_no_riddle() -> None:
    desk = bankrupt_desk()
    desk.fund(BACKSTOP_ACCOUNT, 100_000)
    desk.deposited += 5_000 * UNIT
    desk.run(FundInsurance, asset="USD", units=5_000 * UNIT)
    assert DeficitCovered in kinds(desk.mark(75))
    assert_adds_up(desk, {"a": 1_000, "b": 10_000, BACKSTOP_ACCOUNT: 100_000})


def test_merging_parts_realizes() -> None:
    desk = PerpetualDesk("a", "b", money=100_000)
    desk.mark(100)
    desk.deal("a", "b", 100, 10)
    desk.run(SplitPosition, account="a", symbol=PERP, lots=4)
    desk.deal("b", "a", 110, 10)
    assert desk.exchange.analytics.market(PERP).open_interest_lots == 4
    events = desk.run(MergePosition, account="a", symbol=PERP, part="1")
    assert PositionMerged in kinds(events)
    assert desk.exchange.analytics.account("a", "USD").total.gross_units == 100 * UNIT
    assert_adds_up(desk, {"a": 100_000, "b": 100_000})


def test_a_position_that_moves_is_a_flow_and_no_profit() -> None:
    desk = PerpetualDesk("a", "b", "c", money=100_000, groups={"a": "g", "c": "g"})
    desk.mark(100)
    desk.deal("a", "b", 100, 10)
    desk.deal("c", "b", 100, 1)
    desk.mark(130)
    desk.wait_until(HOUR_NS)
    events = desk.run(TransferPosition, account="a", symbol=PERP, receiver="c", lots=4)
    assert PositionTransferred in kinds(events)
    desk.wait_until(2 * HOUR_NS)
    for account, flow in (("a", -120 * UNIT), ("c", 120 * UNIT)):
        told = desk.exchange.analytics.account(account, "USD")
        assert told.hours_flows[1:] == [flow]
        assert told.hours[1] - told.hours[0] == flow
        assert told.total.net_units == 0


def test_moving_collateral_is_nothing_and_a_withdrawal_is_a_flow() -> None:
    desk = PerpetualDesk("a", "b")
    desk.mark(100)
    desk.deal("a", "b", 100, 1)
    desk.wait_until(HOUR_NS)
    desk.run(MoveCollateral, account="a", asset="USD", units=-1_000 * UNIT)
    desk.deposited -= 400 * UNIT
    desk.run(Withdraw, account="a", asset="USD", units=400 * UNIT)
    desk.wait_until(2 * HOUR_NS)
    assert desk.exchange.analytics.account("a", "USD").hours_flows[1:] == [-400 * UNIT]
