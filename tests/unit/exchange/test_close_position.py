"""Orders that close whatever position there is when their trigger fires."""

from common.exchange.commands import PlaceOrder, PriceReference, Trigger, TriggerKind
from common.exchange.events import REDUCE_ONLY, OrderAmended, OrderExpired, RejectReason
from common.model.order import OrderState, OrderType, TimeInForce
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, PerpetualDesk, refusal, traded

STOP = Trigger(kind=TriggerKind.STOP_LOSS, reference=PriceReference.MARK, price_ticks=90)


def desk() -> PerpetualDesk:
    """Customer "a" is long 5 lots from 100."""
    made = PerpetualDesk("a", "b", "c")
    made.mark(100)
    made.deal("a", "b", 100, 5)
    return made


def close(made: PerpetualDesk, account: str = "a", **terms):  # type: ignore[no-untyped-def]
    """A stop that closes a long position."""
    values = {"quantity_lots": 0, "order_type": OrderType.MARKET, "time_in_force": TimeInForce.IOC, "trigger": STOP}
    values |= {"reduce_only": True, "side": SELL, "client_order_id": "close", "close_position": True} | terms
    return made.run(PlaceOrder, account=account, symbol="X-PERP", **values)


def test_it_closes_the_position_of_that_moment_not_of_its_placing():
    made = desk()
    close(made)
    made.deal("a", "b", 100, 3)
    made.place("c", BUY, 89, 20)
    events = made.mark(90)
    assert traded(events) == [(89, 8)] and made.position("a").lots == 0
    (amended,) = (each for each in events if isinstance(each, OrderAmended))
    assert (amended.quantity_lots, amended.reason) == (8, "close_position")
    order = made.exchange.ledger.find("a", "X-PERP", 0, "close")
    assert order is not None and (order.state, order.quantity_lots) == (OrderState.FILLED, 8)


def test_without_a_position_it_ends_without_a_trade():
    made = desk()
    close(made)
    made.place("b", BUY, 100, 5)
    made.place("a", SELL, 100, 5)
    made.place("c", BUY, 89, 20)
    events = made.mark(90)
    assert traded(events) == []
    assert [each.reason for each in events if isinstance(each, OrderExpired)] == [REDUCE_ONLY]


def test_it_never_opens_a_position_the_other_way():
    made = desk()
    close(made)
    made.place("b", BUY, 100, 7)
    made.place("a", SELL, 100, 7)
    assert made.position("a").lots == -2
    made.place("c", BUY, 89, 20)
    made.mark(90)
    assert made.position("a").lots == -2


def test_it_waits_through_a_snapshot():
    made = desk()
    close(made)
    made.exchange = made.loaded()
    made.place("c", BUY, 89, 20)
    assert traded(made.mark(90)) == [(89, 5)]


def test_terms_that_make_no_sense_are_refused():
    made = desk()
    immediate = Trigger(kind=TriggerKind.STOP_LOSS, price_ticks=110, immediate=True)
    for terms in (
        {"trigger": None},
        {"reduce_only": False},
        {"order_type": OrderType.LIMIT, "price_ticks": 90, "time_in_force": TimeInForce.GTC},
        {"trigger": immediate},
    ):
        assert refusal(close(made, **terms)) is RejectReason.TERMS_INVALID, terms
    assert refusal(close(made, quantity_lots=1)) is RejectReason.QUANTITY_INVALID
    assert refusal(close(made, close_position=False)) is RejectReason.QUANTITY_INVALID
