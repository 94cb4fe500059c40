"""The dead-man's switch on the exchange's own time, through commands, snapshots and restarts."""

import pytest

from common.exchange.commands import PlaceOrder, PriceReference, Trigger, TriggerKind
from common.exchange.deadman.commands import CancelAllAfter
from common.exchange.deadman.deadman import AFTER_NS_MAX
from common.exchange.deadman.events import CancelTimerFired, CancelTimerSet
from common.exchange.events import CommandRefused, OrderCanceled, RejectReason
from common.model.order import OrderType, TimeInForce
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, PerpetualDesk, refusal

SECOND = 1_000_000_000


def desk() -> PerpetualDesk:
    """Two customers; the first has two orders and a waiting one in the perpetual, and one on spot."""
    made = PerpetualDesk("a", "b")
    made.mark(100)
    made.place("a", BUY, 90, 1, client_order_id="one")
    made.place("a", SELL, 110, 1, client_order_id="two")
    stop = Trigger(kind=TriggerKind.STOP_LOSS, reference=PriceReference.MARK, price_ticks=80)
    made.run(
        PlaceOrder, account="a", symbol="X-PERP", client_order_id="stop", side=SELL, quantity_lots=1,
        order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, trigger=stop,
    )  # fmt: skip
    made.place("b", BUY, 91, 1, client_order_id="other")
    return made


def arm(made: PerpetualDesk, after_s: float, at_s: float = 0.0, account: str = "a"):  # type: ignore[no-untyped-def]
    """Set or stop the timer."""
    return made.run(
        CancelAllAfter, at=int(at_s * SECOND), account=account, symbol="X-PERP", after_ns=int(after_s * SECOND)
    )


def names(made: PerpetualDesk, account: str = "a") -> list[str]:
    """Client order ids of open orders."""
    return [order.client_order_id for order in made.exchange.ledger.open_of(account, "X-PERP").values()]


def test_it_fires_once_and_ends_all_orders_of_that_owner_and_market_only():
    made = desk()
    arm(made, 10, at_s=1)
    assert names(made) == ["one", "two", "stop"]
    made.wait_until(11 * SECOND - 1)
    assert names(made) == ["one", "two", "stop"]
    events = made.wait_until(11 * SECOND)
    assert [each.order_id for each in events if isinstance(each, OrderCanceled)] == [1, 2, 3]
    (fired,) = (each for each in events if isinstance(each, CancelTimerFired))
    assert (fired.account, fired.symbol, fired.orders) == ("a", "X-PERP", 3)
    assert names(made) == [] and names(made, "b") == ["other"]
    # Kraken's and Binance's switches are disarmed by firing: what comes later lives on.
    made.place("a", BUY, 90, 1, client_order_id="later")
    assert not [each for each in made.wait_until(100 * SECOND) if isinstance(each, CancelTimerFired)]
    assert names(made) == ["later"]


def test_each_renewal_replaces_the_countdown_before_it():
    made = desk()
    for second in range(1, 60, 9):
        arm(made, 10, at_s=second)
    made.wait_until(65 * SECOND - 1)
    assert names(made) == ["one", "two", "stop"]
    made.wait_until(65 * SECOND)
    assert names(made) == []


def test_a_shorter_countdown_counts_at_once():
    made = desk()
    arm(made, 100, at_s=1)
    arm(made, 5, at_s=2)
    made.wait_until(7 * SECOND)
    assert names(made) == []


def test_zero_stops_it_and_leaves_nothing_behind():
    made = desk()
    before = made.exchange.state_hash()
    arm(made, 10, at_s=1)
    (event,) = arm(made, 0, at_s=2)
    assert isinstance(event, CancelTimerSet) and event.due_ns == 0
    made.wait_until(50 * SECOND)
    assert names(made) == ["one", "two", "stop"]
    assert made.exchange.state_hash() == before


def test_renewals_do_not_fill_the_agenda():
    made = desk()
    for tenth in range(1_000):
        arm(made, 120, at_s=1 + tenth / 10)
    assert len(made.exchange.state().common.core.agenda) == 1
    made.wait_until(221 * SECOND)
    assert names(made) == []


def test_a_renewal_that_comes_too_late_finds_the_orders_gone():
    made = desk()
    arm(made, 10, at_s=1)
    events = arm(made, 10, at_s=11)
    assert [type(each) for each in events][-2:] == [CancelTimerFired, CancelTimerSet]
    assert names(made) == []


def test_it_survives_a_restart_from_a_snapshot():
    made = desk()
    arm(made, 100, at_s=1)
    arm(made, 10, at_s=2)
    made.exchange = made.loaded()
    made.wait_until(12 * SECOND - 1)
    assert names(made) == ["one", "two", "stop"]
    made.wait_until(12 * SECOND)
    assert names(made) == []


@pytest.mark.parametrize("after_ns", [-1, AFTER_NS_MAX + 1, 2**70, 1.5, None, True])
def test_countdowns_that_are_none_are_refused_and_change_nothing(after_ns):
    made = desk()
    before = made.exchange.state_hash()
    events = made.run(CancelAllAfter, account="a", symbol="X-PERP", after_ns=after_ns)
    assert refusal(events) is RejectReason.AMOUNT_INVALID and made.exchange.state_hash() == before


def test_nobody_switches_for_somebody_else():
    made = desk()
    events = made.run(CancelAllAfter, by="b", account="a", symbol="X-PERP", after_ns=SECOND)
    assert isinstance(events[0], CommandRefused) and events[0].reason is RejectReason.NOT_AUTHORISED
    assert refusal(made.run(CancelAllAfter, account="a", symbol="NO", after_ns=1)) is RejectReason.UNKNOWN_MARKET
