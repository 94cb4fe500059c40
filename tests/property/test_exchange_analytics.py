"""Figures against sums over all trades, and profit against wealth."""

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.commands import PlaceOrder
from common.exchange.events import EXTERNAL_ACCOUNT, TradeExecuted
from common.model.order import Side
from tests.unit.exchange.desk import ETH, Desk

ACCOUNTS = ("a", "b", "c")
GROUPS = {"a": "g", "b": "g"}


def play(random: Random, steps: int) -> tuple[Desk, list[TradeExecuted]]:
    """Customers and the world trade at a few prices."""
    desk = Desk(maker_bps="-1", taker_bps="5", accounts=ACCOUNTS, groups=GROUPS)
    for _ in range(steps):
        price = random.randrange(9_990, 10_010)
        if random.random() < 0.2:
            desk.levels([(price - 15, random.randrange(50))], [(price + 15, random.randrange(50))])
        else:
            desk.execute(
                PlaceOrder(
                    time_ns=desk.exchange.time_ns + random.randrange(10**11), account=random.choice(ACCOUNTS),
                    symbol=ETH.symbol, client_order_id=str(desk.exchange.ledger.last_order_id),
                    side=random.choice(list(Side)), quantity_lots=random.randrange(1, 50), price_ticks=price,
                )
            )  # fmt: skip
    return desk, [event for event in desk.journal if isinstance(event, TradeExecuted)]


def group(account: str) -> str:
    """Who an account belongs to."""
    return GROUPS.get(account, account)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_figures_are_the_sums_of_trades(seed: int) -> None:
    desk, trades = play(Random(seed), 80)
    volume, count, market, lots = Counter[str](), Counter[str](), 0, Counter[str]()
    for trade in trades:
        maker, taker = trade.maker.account, trade.taker.account
        units = trade.price_ticks * trade.quantity_lots * 100
        lots[maker] -= trade.aggressor.sign * trade.quantity_lots
        lots[taker] += trade.aggressor.sign * trade.quantity_lots
        if maker == EXTERNAL_ACCOUNT or group(maker) != group(taker):
            volume[f"maker {maker}"] += units
            volume[f"taker {taker}"] += units
            count[f"maker {maker}"] += 1
            count[f"taker {taker}"] += 1
            market += units
    records = desk.exchange.analytics._records.accounts
    assert set(records) == {name for trade in trades for name in (trade.maker.account, trade.taker.account)} - {
        EXTERNAL_ACCOUNT
    }
    for account, record in records.items():
        told = record.markets[ETH.symbol]
        assert told.maker_units == volume[f"maker {account}"]
        assert told.taker_units == volume[f"taker {account}"]
        assert (told.maker_trades, told.taker_trades) == (count[f"maker {account}"], count[f"taker {account}"])
        assert told.lots == lots[account] == desk.exchange.ledger.positions[ETH.symbol][account]
        assert told.wins + told.losses <= sum(account in (each.maker.account, each.taker.account) for each in trades)
    day = desk.exchange.analytics.market(ETH.symbol)
    if desk.exchange.time_ns < 23 * 3600 * 10**9:
        assert day.volume_units == market


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_net_profit_is_what_wealth_has_grown_by(seed: int) -> None:
    desk, _ = play(Random(seed), 80)
    for account in desk.exchange.analytics._records.accounts:
        told = desk.exchange.analytics.account(account, "USDT")
        (figures,) = told.markets.values()
        price = desk.exchange.markets[ETH.symbol].facts.last
        open_profit = figures.lots * price * 100 - figures.cost_units
        before = 10**6 * 10**8 + 100 * 10**8 * price // 100
        # Fees in ETH were counted at the price of their trade; since then those few units have changed their worth.
        fee_drift = 50 * figures.fees_units // 10_000 + 50 * figures.rebates_units // 10_000 + 200
        assert abs(before + told.total.net_units + open_profit - told.equity_units) <= fee_drift
