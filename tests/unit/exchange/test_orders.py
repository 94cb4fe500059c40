"""Order terms, refusals, self-trade prevention and fees."""

import pytest

from common.exchange.commands import PlaceOrder, SelfTradePrevention
from common.exchange.events import RejectReason
from common.exchange.fills import fills_in
from common.exchange.money import fee_units, rate_from_bps, units_from_text, units_text
from common.exchange.rules import MarketRules
from common.model.order import OrderState, TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal


def test_immediate_or_cancel_takes_what_is_there_and_ends():
    desk = Desk()
    desk.levels([], [(100, 4)])
    desk.place("me", "a", BUY, 100, 9, TimeInForce.IOC)
    order = desk.order("me", "a")
    assert (order.state, order.filled_lots, order.reason) == (OrderState.EXPIRED, 4, "unfilled")
    assert desk.exchange.ledger.accounts.balance("me", "USDT").locked == 0


def test_fill_or_kill_takes_all_or_nothing():
    desk = Desk()
    desk.levels([], [(100, 4), (101, 4)])
    desk.place("me", "a", BUY, 101, 9, TimeInForce.FOK)
    assert desk.order("me", "a").filled_lots == 0 and desk.queue(SELL, 100) == [("market", 0, 4)]
    desk.place("me", "b", BUY, 101, 8, TimeInForce.FOK)
    assert desk.order("me", "b").state is OrderState.FILLED


def test_post_only_is_refused_where_it_would_take_and_changes_nothing():
    desk = Desk()
    desk.levels([], [(100, 4)])
    assert refusal(desk.place("me", "a", BUY, 100, 1, post_only=True)) is RejectReason.WOULD_TAKE
    assert desk.order("me", "a") is None
    desk.place("me", "a", BUY, 99, 1, post_only=True)
    assert desk.order("me", "a").state is OrderState.OPEN


def test_market_order_sweeps_and_its_cost_is_known_before():
    desk = Desk()
    desk.levels([], [(100, 4), (10**9, 10**6)])
    assert refusal(desk.place("me", "a", BUY, 0, 10**6)) is RejectReason.INSUFFICIENT_BALANCE
    desk.place("me", "b", BUY, 0, 4)
    order = desk.order("me", "b")
    assert order.state is OrderState.FILLED and order.quote_units == 100 * 4 * 100
    desk.levels([], [(10**9, 0)])
    desk.place("me", "c", BUY, 0, 4)
    assert desk.order("me", "c").state is OrderState.EXPIRED


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"lots": 0}, RejectReason.QUANTITY_INVALID),
        ({"lots": 10**13}, RejectReason.QUANTITY_INVALID),
        ({"price": -1}, RejectReason.PRICE_INVALID),
        ({"price": 1, "lots": 1}, RejectReason.NOTIONAL_TOO_SMALL),
        ({"post_only": True, "tif": TimeInForce.IOC}, RejectReason.TERMS_INVALID),
        ({"lots": 10**9}, RejectReason.INSUFFICIENT_BALANCE),
    ],
)
def test_refusals_leave_the_account_as_it_was(terms, reason):
    desk = Desk()
    before = desk.exchange.ledger.accounts.balance("me", "USDT").free
    assert refusal(desk.place("me", "a", BUY, **{"price": 100_000, "lots": 100} | terms)) is reason
    balance = desk.exchange.ledger.accounts.balance("me", "USDT")
    assert (balance.free, balance.locked) == (before, 0)


def test_client_order_id_is_unique_among_open_orders_and_history_keeps_the_newest():
    desk = Desk()
    desk.place("me", "a", BUY, 100, 1)
    assert refusal(desk.place("me", "a", BUY, 100, 1)) is RejectReason.DUPLICATE_CLIENT_ORDER_ID
    desk.place("you", "a", BUY, 100, 1)
    desk.cancel("me", name="a")
    assert desk.order("me", "a").state is OrderState.CANCELED
    desk.place("me", "a", BUY, 101, 1)
    assert desk.order("me", "a").price_ticks == 101
    assert refusal(desk.cancel("you", desk.order("me", "a").order_id)) is RejectReason.WRONG_OWNER


def test_open_orders_have_a_limit():
    desk = Desk()
    for number in range(MarketRules().open_orders_max):
        desk.place("me", str(number), BUY, 100, 1)
    assert refusal(desk.place("me", "more", BUY, 100, 1)) is RejectReason.TOO_MANY_OPEN_ORDERS
    desk.cancel("me", name="7")
    desk.place("me", "more", BUY, 100, 1)
    assert desk.order("me", "more").is_open


@pytest.mark.parametrize(
    ("mode", "own", "taker", "filled"),
    [
        (SelfTradePrevention.EXPIRE_MAKER, OrderState.EXPIRED, OrderState.PARTIALLY_FILLED, 8),
        (SelfTradePrevention.EXPIRE_TAKER, OrderState.OPEN, OrderState.EXPIRED, 0),
        (SelfTradePrevention.EXPIRE_BOTH, OrderState.EXPIRED, OrderState.EXPIRED, 0),
    ],
)
def test_self_trade_prevention_with_own_4_before_foreign_8(mode, own, taker, filled):
    desk = Desk()
    desk.place("me", "own", SELL, 100, 4)
    desk.place("you", "foreign", SELL, 100, 8)
    desk.place("me", "taker", BUY, 100, 10, self_trade_prevention=mode)
    assert desk.order("me", "own").state is own
    assert (desk.order("me", "taker").state, desk.order("me", "taker").filled_lots) == (taker, filled)


def test_fees_are_charged_in_what_is_received_and_rounded_against_the_payer():
    desk = Desk(maker_bps="-1", taker_bps="4.5")
    desk.place("you", "maker", SELL, 123, 7)
    desk.place("me", "taker", BUY, 123, 7)
    maker, taker = fills_in(desk.journal)
    assert (maker.fee_asset, maker.fee_units) == ("ETH", -(7 * 10_000 // 10_000))
    assert (taker.fee_asset, taker.fee_units) == ("ETH", -(-7 * 10_000 * 45 // 100_000))
    balances = desk.exchange.ledger.accounts
    assert balances.balance("me", "ETH").total == units_from_text("100") + 7 * 10_000 - taker.fee_units
    assert fee_units(1, rate_from_bps(1)) == 1 and fee_units(9_999, rate_from_bps(-1)) == 0


def test_amounts_are_exact_or_refused():
    assert units_text(units_from_text("1.00000001")) == "1.00000001" and units_text(-5) == "-0.00000005"
    for bad in ("-1", "0.000000001", "NaN"):
        with pytest.raises(ValueError, match="amount"):
            units_from_text(bad)
    with pytest.raises(ValueError, match="multiple"):
        rate_from_bps(rate_from_bps(0) + 10_000)


def test_unknown_markets_and_reserved_accounts_are_the_callers_fault():
    desk = Desk()
    unknown = {"account": "me", "symbol": "BTC-USDT", "client_order_id": "a", "side": BUY, "quantity_lots": 1}
    assert refusal(desk.run(PlaceOrder, **unknown)) is RejectReason.UNKNOWN_MARKET
    assert refusal(desk.place("market", "a", BUY, 100, 1)) is RejectReason.UNKNOWN_ACCOUNT
    assert refusal(desk.place("me", "a", BUY, 100, 1, link="grid:1")) is RejectReason.NOT_AUTHORISED
    assert desk.order("market", "a") is None and ETH.symbol in desk.exchange.markets
