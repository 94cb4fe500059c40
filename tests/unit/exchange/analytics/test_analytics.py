"""Analytics through the exchange: spot on the desk, perpetuals on the perpetual desk."""

import pytest

from common.exchange.analytics.counting import TAGS_MAX
from common.exchange.analytics.day import BUCKET_NS, BUCKETS
from common.exchange.analytics.equity import HOUR_NS, HOURS_KEPT
from common.exchange.analytics.leaders import Ranking
from common.exchange.commands import Deposit, PassTime, SelfTradePrevention, SetMark, Withdraw
from common.exchange.configuration import ExchangeConfig, Features
from common.exchange.events import RejectReason
from common.exchange.exchange import Exchange
from common.exchange.money import units_from_text
from common.exchange.refusal import Refused
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk
from tests.unit.exchange.grids.lattice import start
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk

TICK_LOT = 100
"""Quote units of one tick times one lot of ETH-USDT."""


def total(desk: Desk, account: str = "me"):  # type: ignore[no-untyped-def]
    return desk.exchange.analytics.account(account, "USDT").total


def deal(desk: Desk, seller: str, buyer: str, price: int, lots: int, name: str = "") -> None:
    """The seller rests, the buyer takes."""
    number = desk.exchange.ledger.last_order_id
    desk.place(seller, f"s{number}", SELL, price, lots)
    desk.place(buyer, f"b{number}", BUY, price, lots)


def test_trap_43_a_trade_is_counted_where_it_happens_with_its_time() -> None:
    desk = Desk(maker_bps="1", taker_bps="5")
    desk.wait_until(1000)
    deal(desk, "me", "you", 10_000, 100)
    mine, yours = total(desk), total(desk, "you")
    assert (mine.maker_units, mine.taker_units, mine.maker_trades, mine.taker_trades) == (10**6 * TICK_LOT, 0, 1, 0)
    assert (yours.maker_units, yours.taker_units, yours.taker_trades) == (0, 10**6 * TICK_LOT, 1)
    assert mine.first_ns == mine.last_ns == yours.last_ns == desk.exchange.time_ns
    assert mine.fees_units == 10**6 * TICK_LOT // 10_000
    # The buyer's fee was in ETH; it counts at the price of the trade.
    assert yours.fees_units == 10**6 * TICK_LOT * 5 // 10_000


def test_gross_and_net_profit_of_a_round() -> None:
    desk = Desk(maker_bps="-1", taker_bps="5")
    deal(desk, "you", "me", 10_000, 100)
    deal(desk, "me", "you", 10_100, 100)
    mine = total(desk)
    assert mine.gross_units == 100 * 100 * TICK_LOT
    assert (mine.fees_units, mine.rebates_units) == (10_000 * 100 * TICK_LOT * 5 // 10_000, 10_100 * TICK_LOT // 100)
    assert mine.net_units == mine.gross_units - mine.fees_units + mine.rebates_units
    assert (mine.wins, mine.losses) == (1, 0)
    assert (total(desk, "you").wins, total(desk, "you").losses) == (0, 1)


def test_trades_with_oneself_or_ones_group_are_no_volume() -> None:
    desk = Desk(maker_bps="1", taker_bps="1", accounts=("me", "you", "him"), groups={"me": "g", "him": "g"})
    none = SelfTradePrevention.NONE
    desk.place("me", "a", SELL, 10_000, 10)
    desk.place("me", "b", BUY, 10_000, 10, self_trade_prevention=none)
    desk.place("me", "c", SELL, 10_000, 10)
    desk.place("him", "d", BUY, 10_000, 10, self_trade_prevention=none)
    assert total(desk).maker_units == total(desk).taker_units == total(desk).maker_trades == 0
    assert total(desk, "him").taker_units == 0
    assert total(desk).fees_units > 0, "fees were paid all the same"
    market = desk.exchange.analytics.market(ETH.symbol)
    assert (market.volume_units, market.day.high_ticks) == (0, 10_000)
    deal(desk, "me", "you", 10_000, 10)
    assert total(desk).maker_trades == 1


def test_what_a_grid_does_is_counted_by_its_tag() -> None:
    desk = Desk()
    start(desk, reference_ticks=120)
    desk.place("you", "x", SELL, 110, 10)
    desk.place("you", "y", BUY, 120, 10)
    desk.place("you", "z", SELL, 121, 3)
    desk.place("me", "own", BUY, 121, 3)
    found = desk.exchange.analytics.tag("grid:1").markets[ETH.symbol]
    assert (found.maker_trades, found.taker_trades, found.lots) == (2, 0, 0)
    assert found.gross_units == 10 * 10 * TICK_LOT
    assert total(desk).taker_trades == 1, "the account's own trade is no part of the tag"
    assert desk.exchange.analytics.tag("grid:9").markets == {}


def test_tags_are_bounded() -> None:
    desk = Desk()
    counting = desk.exchange.analytics._counting
    for number in range(TAGS_MAX + 3):
        counting._open_tag(f"grid:{number}")
    tags = desk.exchange.analytics._records.tags
    assert len(tags) == TAGS_MAX
    assert next(iter(tags)) == "grid:3"


def test_a_perpetual_realizes_what_the_margin_account_does() -> None:
    desk = PerpetualDesk("me", "you", maker_bps=10, taker_bps=10)
    desk.mark(100)
    desk.deal("me", "you", 100, 4)
    before = desk.wallet("me")
    desk.deal("you", "me", 110, 4)
    told = desk.exchange.analytics.account("me", "USD")
    assert told.total.gross_units == 40 * UNIT
    assert desk.wallet("me") - before == pytest.approx(40 - 0.44)
    assert (told.total.wins, told.total.losses) == (1, 0)
    assert told.equity_units == int(desk.equity("me") * UNIT)
    assert told.put_in_units == 10_000 * UNIT - 40 * UNIT // 100, "worth just after the first trade's fee"


def test_open_interest_is_all_long_lots() -> None:
    desk = PerpetualDesk("a", "b", "c")
    desk.mark(100)
    desk.deal("a", "b", 100, 4)
    desk.deal("c", "b", 100, 3)
    assert desk.exchange.analytics.market("X-PERP").open_interest_lots == 7
    desk.deal("b", "a", 100, 4)
    assert desk.exchange.analytics.market("X-PERP").open_interest_lots == 3
    assert desk.exchange.analytics.market("X-USD").open_interest_lots == 0
    with pytest.raises(Refused):
        desk.exchange.analytics.market("Y")


def test_a_market_has_a_rolling_day() -> None:
    desk = Desk()
    deal(desk, "me", "you", 10_000, 10)
    deal(desk, "me", "you", 9_000, 20)
    deal(desk, "me", "you", 11_000, 10)
    told = desk.exchange.analytics.market(ETH.symbol)
    assert (told.day.high_ticks, told.day.low_ticks, told.day.lots, told.day.trades) == (11_000, 9_000, 40, 3)
    assert told.volume_units == 390_000 * TICK_LOT
    assert told.average_e9 == 9_750 * 10**9
    desk.wait_until(BUCKETS * BUCKET_NS)
    assert desk.exchange.analytics.market(ETH.symbol).day.lots == 0


def test_the_worlds_own_trades_move_prices_and_count_in_the_market() -> None:
    desk = Desk()
    desk.levels([(9_000, 5)], [])
    desk.print_trade(SELL, 9_000, 5)
    told = desk.exchange.analytics.market(ETH.symbol)
    assert (told.day.close_ticks, told.day.lots) == (9_000, 5)


def test_equity_is_sampled_every_hour_and_midnight() -> None:
    desk = Desk()
    desk.wait_until(22 * HOUR_NS + 5)
    deal(desk, "you", "me", 10_000, 100_000)
    start_units = desk.exchange.analytics.account("me", "USDT").put_in_units
    assert start_units == units_from_text("1000000") + units_from_text("100") * 100
    desk.mark(11_000)
    desk.wait_until(23 * HOUR_NS)
    desk.mark(12_000)
    desk.wait_until(25 * HOUR_NS + 1)
    told = desk.exchange.analytics.account("me", "USDT")
    held = units_from_text("110")
    cash = units_from_text("1000000") - 10_000 * 100_000 * TICK_LOT
    assert (told.hours_last, told.hours) == (25, [cash + held * 110, cash + held * 120, cash + held * 120])
    assert (told.days_last, told.days) == (1, [cash + held * 120])
    assert told.equity_units == cash + held * 120


def test_flows_are_told_apart_from_profit() -> None:
    desk = Desk()
    deal(desk, "you", "me", 10_000, 100)
    put_in = desk.exchange.analytics.account("me", "USDT").put_in_units
    desk.wait_until(HOUR_NS)
    desk.run(Deposit, account="me", asset="USDT", units=700)
    desk.run(Deposit, account="me", asset="ETH", units=5)
    desk.run(Withdraw, account="me", asset="USDT", units=300)
    desk.run(Deposit, account="me", asset="DOGE", units=10**6)
    desk.wait_until(2 * HOUR_NS)
    told = desk.exchange.analytics.account("me", "USDT")
    assert told.hours_flows[1:] == [700 + 5 * 100 - 300]
    assert told.hours[1] - told.hours[0] == 900
    assert told.put_in_units - put_in == 1200


def test_hours_beyond_what_is_kept_cost_nothing() -> None:
    desk = Desk()
    deal(desk, "you", "me", 10_000, 100)
    desk.wait_until(HOUR_NS * 1_000_000)
    told = desk.exchange.analytics.account("me", "USDT")
    assert (told.hours_last, len(told.hours), len(told.days)) == (1_000_000, HOURS_KEPT, 400)
    assert set(told.hours) == {told.equity_units}


def test_leaders_go_by_profit_volume_and_return() -> None:
    desk = Desk(accounts=("a", "b", "c"))
    deal(desk, "c", "a", 10_000, 100)
    deal(desk, "b", "a", 10_000, 200)
    deal(desk, "a", "b", 10_100, 300)
    deal(desk, "b", "c", 10_200, 100)
    names = {kind: [row.account for row in desk.exchange.analytics.leaderboard("USDT", kind, 9)] for kind in Ranking}
    assert names[Ranking.NET_PROFIT] == ["a", "b", "c"]
    assert names[Ranking.VOLUME] == ["b", "a", "c"]
    assert names[Ranking.RETURN] == ["a", "b", "c"]
    assert desk.exchange.analytics.leaderboard("BTC", Ranking.VOLUME, 9) == []


def test_who_never_traded_is_unknown_and_asking_changes_nothing() -> None:
    desk = Desk()
    before = desk.exchange.state_hash()
    with pytest.raises(Refused) as refused:
        desk.exchange.analytics.account("me", "USDT")
    assert refused.value.reason is RejectReason.UNKNOWN_ACCOUNT
    desk.exchange.analytics.market(ETH.symbol)
    desk.exchange.analytics.tag("grid:1")
    assert desk.exchange.state_hash() == before


def test_answers_are_no_way_into_the_records() -> None:
    desk = Desk()
    deal(desk, "you", "me", 10_000, 100)
    view = desk.exchange.analytics.account("me", "USDT")
    view.markets.clear()
    view.hours.append(1)
    again = desk.exchange.analytics.account("me", "USDT")
    assert ETH.symbol in again.markets and not again.hours


def test_sums_beyond_64_bits_are_kept() -> None:
    desk = Desk()
    deal(desk, "you", "me", 10_000, 100)
    desk.exchange.analytics._records.accounts["me"].markets[ETH.symbol].taker_units = 2**80
    restored = desk.loaded()
    assert restored.analytics.account("me", "USDT").total.taker_units == 2**80
    assert restored.state_hash() == desk.exchange.state_hash()


def test_a_restart_and_a_replay_count_on() -> None:
    desk = Desk(maker_bps="1", taker_bps="5")
    desk.wait_until(HOUR_NS - 10)
    deal(desk, "you", "me", 10_000, 100)
    for other in (desk.loaded(), desk.replayed()):
        assert other.state_hash() == desk.exchange.state_hash()
        at = other.time_ns
        other.execute(SetMark(time_ns=at, symbol=ETH.symbol, price_ticks=20_000))
        other.execute(PassTime(time_ns=3 * HOUR_NS))
        assert len(other.analytics.account("me", "USDT").hours) == 3


def test_analytics_that_is_off_counts_nothing_and_says_so() -> None:
    exchange = Exchange(
        ExchangeConfig(instruments=[ETH], fees=Desk().config.fees, features=Features(analytics=False), settles=False)
    )
    assert not [hear for hear in exchange._core.on_trade if "analytics" in hear.__module__]
    with pytest.raises(Refused) as refused:
        exchange.analytics.market(ETH.symbol)
    assert refused.value.reason is RejectReason.FEATURE_OFF


def test_a_venue_without_money_counts_volume_all_the_same() -> None:
    desk = Desk(settles=False)
    deal(desk, "you", "me", 10_000, 100)
    assert desk.exchange.analytics._records.accounts["me"].markets[ETH.symbol].taker_trades == 1
    assert desk.exchange.analytics.market(ETH.symbol).day.lots == 100
    with pytest.raises(Refused):
        desk.exchange.analytics.account("me", "USDT")
