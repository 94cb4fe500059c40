"""What USD-M shows of wallets and positions, against the exchange's own rules."""

from decimal import Decimal
from random import Random

import pytest

from common.exchange.commands import SetMark
from common.exchange.margin.commands import MoveCollateral, SetLeverage, SetMarginMode
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.model.order import Side
from services.paper_exchange.usdm_positions import Positions
from services.paper_exchange.usdm_wire import ContractWire
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, PerpetualDesk

SYMBOL = "X-PERP"
TIERS = (
    MarginTier(notional_units_min=0, leverage_max=20),
    MarginTier(notional_units_min=20_000 * UNIT, leverage_max=10),
    MarginTier(notional_units_min=100_000 * UNIT, leverage_max=4),
)


def made(money: int = 10_000) -> tuple[PerpetualDesk, Positions]:
    """A desk, and what is shown of it."""
    desk = PerpetualDesk("a", "b", money=money, perpetual=PerpetualRules(tiers=TIERS))
    instrument = desk.exchange.instruments[SYMBOL]
    wires = {SYMBOL: ContractWire(instrument, desk.exchange.ledger.scales[SYMBOL])}
    return desk, Positions(desk.exchange, wires)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("isolated", [False, True])
def test_at_the_liquidation_price_the_margin_is_gone_and_one_tick_before_it_is_there(side: Side, isolated: bool):
    random, looked_at = Random(f"{side}{isolated}"), 0
    for _ in range(40):
        desk, positions = made(money=random.randint(2_000, 30_000))
        price = random.randint(500, 1_500)
        desk.mark(price)
        if isolated:
            desk.run(SetMarginMode, account="a", symbol=SYMBOL, isolated=True)
        lots = random.randint(1, 25)
        buyer, seller = ("a", "b") if side is BUY else ("b", "a")
        desk.deal(buyer, seller, price, lots)
        if not desk.position("a").lots:
            continue  # more than the money allows
        ticks = positions.liquidation_ticks("a", SYMBOL)
        shown = Decimal(str(positions.risk("a", SYMBOL)["liquidationPrice"]))
        assert shown == ticks

        def is_healthy(mark: int, desk: PerpetualDesk = desk) -> bool:
            margin = desk.exchange.margin
            margin.markets[SYMBOL].facts.set_mark(mark)
            return margin.is_healthy(margin.account("a", "USD"))

        if ticks:
            looked_at += 1
            assert not is_healthy(ticks) and is_healthy(ticks + side.sign)
        else:
            assert is_healthy(1 if side is BUY else price * 100)
    assert looked_at >= 15


def test_a_wallet_shows_what_the_core_lets_it_do():
    desk, positions = made()
    desk.mark(1_000)
    desk.run(SetLeverage, account="a", symbol=SYMBOL, leverage=5)
    desk.deal("a", "b", 1_000, 4)
    desk.place("a", SELL, 1_100, 9)
    desk.mark(990)
    asset = positions.asset("a", "USD")
    # 4 lots and 9 offered: 5 short is the worst, so orders take the margin of one lot more than the position's.
    assert asset["positionInitialMargin"] == "792.00000000" and asset["openOrderInitialMargin"] == "198.00000000"
    assert asset["unrealizedProfit"] == asset["crossUnPnl"] == "-40.00000000"
    assert asset["availableBalance"] == asset["maxWithdrawAmount"] == f"{10_000 - 40 - 990:.8f}"
    taken = -(10_000 - 40 - 990) * UNIT
    assert len(desk.run(MoveCollateral, account="a", asset="USD", units=taken)) == 1
    assert positions.asset("a", "USD")["availableBalance"] == "0.00000000"
    row = positions.row("a", SYMBOL)
    assert (row["entryPrice"], row["positionAmt"], row["leverage"]) == ("1000.00000000", "4", "5")
    assert positions.is_used("a", SYMBOL) and not positions.is_used("nobody", SYMBOL)


def test_whoever_gains_most_on_his_money_is_deleveraged_first():
    desk = PerpetualDesk("a", "b", "c", money=10_000)
    instrument = desk.exchange.instruments[SYMBOL]
    positions = Positions(desk.exchange, {SYMBOL: ContractWire(instrument, desk.exchange.ledger.scales[SYMBOL])})
    desk.mark(1_000)
    desk.deal("a", "c", 1_000, 2)
    desk.deal("b", "c", 1_000, 8)
    desk.run(SetMark, symbol=SYMBOL, price_ticks=1_010)
    ranks = {account: positions.deleveraging_rank(account, SYMBOL) for account in ("a", "b", "c", "d")}
    assert ranks == {"a": 2, "b": 4, "c": 4, "d": 0}


def test_brackets_say_what_the_margin_table_does():
    desk, positions = made()
    table = desk.exchange.margin.markets[SYMBOL].table
    assert [each.leverage_max for each in table.brackets] == [20, 10, 4]
    for bracket in table.brackets:
        for notional in (bracket.notional_units_min, bracket.notional_units_min + 12_345 * UNIT + 7):
            expected = -(-notional * bracket.maintenance_rate // 10**9) - bracket.deduction_units
            assert table.maintenance(notional) == expected
    assert [positions.notional_max(SYMBOL, leverage) for leverage in (20, 10, 5, 4)] == [
        "20000", "100000", "100000", "92233720368",
    ]  # fmt: skip
