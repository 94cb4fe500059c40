"""Self-trade prevention. The table: a taker of 10 meets its own maker of 4, then a foreign maker of 8."""

import pytest

from common.exchange.commands import SelfTradePrevention
from common.exchange.events import OrderAmended, OrderExpired, SelfTradePrevented
from common.exchange.fills import fills_in
from tests.unit.exchange.desk import BUY, SELL, Desk, trades

MODES = SelfTradePrevention


@pytest.mark.parametrize(
    ("mode", "own", "taker", "foreign"),
    [
        (MODES.EXPIRE_TAKER, ("open", 0, 4), ("expired", 0, 0), ("open", 0, 8)),
        (MODES.EXPIRE_MAKER, ("expired", 0, 0), ("partially_filled", 8, 2), ("filled", 8, 0)),
        (MODES.EXPIRE_BOTH, ("expired", 0, 0), ("expired", 0, 0), ("open", 0, 8)),
        (MODES.DECREMENT, ("expired", 0, 0), ("filled", 6, 0), ("partially_filled", 6, 2)),
        (MODES.NONE, ("filled", 4, 0), ("filled", 10, 0), ("partially_filled", 6, 2)),
    ],
)
def test_the_table(mode, own, taker, foreign):
    desk = Desk(maker_bps="-1", taker_bps="4.5")
    desk.place("me", "own", SELL, 100, 4)
    desk.place("you", "foreign", SELL, 100, 8)
    desk.place("me", "taker", BUY, 100, 10, self_trade_prevention=mode)
    assert (desk.state("me", "own"), desk.state("me", "taker"), desk.state("you", "foreign")) == (own, taker, foreign)
    # What is prevented makes no trade, so it pays no fee and counts for no volume.
    assert sum(fill.quantity_lots for fill in fills_in(desk.journal)) == 2 * taker[1]
    assert desk.order("me", "taker").quantity_lots == (6 if mode is MODES.DECREMENT else 10)


def test_decrement_leaves_the_larger_maker_in_its_place():
    desk = Desk()
    desk.place("me", "own", SELL, 100, 10)
    desk.place("you", "behind", SELL, 100, 1)
    desk.place("me", "taker", BUY, 100, 4, self_trade_prevention=MODES.DECREMENT)
    assert desk.state("me", "taker") == ("expired", 0, 0) and desk.state("me", "own") == ("open", 0, 6)
    assert desk.queue(SELL, 100) == [("me", 1, 6), ("you", 2, 1)]
    assert desk.exchange.ledger.accounts.balance("me", "ETH").locked == 6 * 10_000


def test_decrement_of_equals_ends_both():
    desk = Desk()
    desk.place("me", "own", SELL, 100, 4)
    desk.place("me", "taker", BUY, 100, 4, self_trade_prevention=MODES.DECREMENT)
    assert desk.state("me", "taker")[0] == desk.state("me", "own")[0] == "expired"


def test_the_takers_mode_rules():
    desk = Desk()
    desk.place("me", "own", SELL, 100, 4, self_trade_prevention=MODES.EXPIRE_TAKER)
    desk.place("me", "taker", BUY, 100, 4, self_trade_prevention=MODES.EXPIRE_MAKER)
    assert desk.state("me", "own")[0] == "expired" and desk.state("me", "taker") == ("open", 0, 4)


def test_what_is_before_an_own_order_trades_first():
    desk = Desk()
    desk.place("you", "first", SELL, 99, 3)
    desk.place("me", "own", SELL, 100, 4)
    assert trades(desk.place("me", "t", BUY, 100, 9, self_trade_prevention=MODES.EXPIRE_TAKER)) == [
        ("first", "t", 99, 3)
    ]
    assert desk.state("me", "t") == ("expired", 3, 0) and desk.order("me", "t").reason == "self_trade"


def test_accounts_of_one_group_are_one_owner():
    desk = Desk(groups={"me": "firm", "you": "firm"})
    desk.place("you", "own", SELL, 100, 4)
    assert trades(desk.place("me", "t", BUY, 100, 4)) == []
    assert desk.state("you", "own")[0] == "expired"


@pytest.mark.parametrize(
    ("mode", "taker_lots", "maker_lots"),
    [(MODES.EXPIRE_TAKER, 10, 0), (MODES.EXPIRE_MAKER, 0, 4), (MODES.EXPIRE_BOTH, 10, 4), (MODES.DECREMENT, 4, 4)],
)
def test_a_prevented_trade_is_told_before_what_it_does(mode, taker_lots, maker_lots):
    desk = Desk()
    desk.place("me", "own", SELL, 100, 4)
    events = desk.place("me", "taker", BUY, 101, 10, self_trade_prevention=mode)
    told, *rest = [each for each in events if isinstance(each, SelfTradePrevented | OrderExpired | OrderAmended)]
    assert isinstance(told, SelfTradePrevented) and (told.match_id, told.price_ticks, told.lots) == (1, 100, 4)
    assert (told.taker_lots, told.maker_lots, told.mode) == (taker_lots, maker_lots, mode)
    assert {each.order_id for each in rest} == {*([1] if maker_lots else []), *([2] if taker_lots else [])}
    own, taker = desk.order("me", "own"), desk.order("me", "taker")
    assert (own.prevented_id, taker.prevented_id) == (bool(maker_lots), bool(taker_lots))
    # What an order loses with its end is still part of its quantity; only what it loses while it stays is noted.
    assert (own.prevented_lots, taker.prevented_lots) == (0, 4 if mode is MODES.DECREMENT else 0)


def test_prevented_trades_are_counted_on_after_a_restart():
    desk = Desk()
    for _ in range(2):
        desk.place("me", "own", SELL, 100, 4)
        desk.place("me", "taker", BUY, 100, 4, self_trade_prevention=MODES.EXPIRE_BOTH)
        kept = desk.exchange.ledger.prevented
        desk.exchange = desk.loaded()
        assert desk.exchange.ledger.prevented == kept
    assert [(each.match_id, each.maker_order_id) for each in desk.exchange.ledger.prevented] == [(1, 1), (2, 3)]


def test_mode_none_prevents_nothing():
    desk = Desk()
    desk.place("me", "own", SELL, 100, 4)
    events = desk.place("me", "taker", BUY, 100, 4, self_trade_prevention=MODES.NONE)
    assert not [each for each in events if isinstance(each, SelfTradePrevented)] and len(trades(events)) == 1
