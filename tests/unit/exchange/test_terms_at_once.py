"""What is read of commands and events all at once must stand in the order in which it is read."""

from msgspec.structs import astuple, replace

from common.exchange.commands import CancelOrder, PlaceOrder, SelfTradePrevention, Trigger, TriggerKind
from common.exchange.events import TradeExecuted
from common.exchange.record import OrderRecord
from common.model.order import OrderType, Side, TimeInForce

TERMS = PlaceOrder(
    time_ns=1, by="by", nonce=2, account="account", symbol="symbol", client_order_id="name", side=Side.SELL,
    quantity_lots=3, price_ticks=4, order_type=OrderType.MARKET, time_in_force=TimeInForce.FOK, post_only=True,
    self_trade_prevention=SelfTradePrevention.DECREMENT, slide=False, reduce_only=True, expires_ns=5, budget=6,
    protect_ticks=7, trigger=Trigger(kind=TriggerKind.STOP_LOSS, price_ticks=8), link="link", close_position=False,
)  # fmt: skip


def test_an_order_has_every_term_of_its_command() -> None:
    order = OrderRecord(9, TERMS, 10)
    read = [name for name in PlaceOrder.__struct_fields__ if name not in ("time_ns", "by", "nonce")]
    assert {name: getattr(order, name) for name in read} == {name: getattr(TERMS, name) for name in read}
    assert (order.order_id, order.number, order.placed_ns, order.stop_ticks) == (9, 9, 10, 8)


def test_only_an_order_of_its_own_account_without_nonce_and_link_is_plain() -> None:
    plain = replace(TERMS, by="", nonce=0, link="")
    assert OrderRecord(1, plain, 1).is_plain
    for change in ({"by": "x"}, {"nonce": 1}, {"link": "x"}, {"quantity_lots": 1.5}, {"price_ticks": None}):
        assert not OrderRecord(1, replace(plain, **change), 1).is_plain


def test_cancels_and_trades_have_their_fields_in_the_order_in_which_they_are_read() -> None:
    cancel = CancelOrder(
        time_ns=1, by="by", nonce=2, account="account", symbol="symbol", order_id=3, client_order_id="name",
        cancel_id="cancel",
    )  # fmt: skip
    assert astuple(cancel) == (1, "by", 2, "account", "symbol", 3, "name", "cancel")
    assert TradeExecuted.__struct_fields__ == (
        "time_ns", "trade_id", "symbol", "price_ticks", "quantity_lots", "aggressor", "maker", "taker",
    )  # fmt: skip
