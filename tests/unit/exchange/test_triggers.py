"""Stop-loss, take-profit and trailing orders: when they fire, in which order, and what becomes of them."""

import pytest

from common.exchange.commands import PriceReference, TriggerKind
from common.exchange.events import MarketPhase, OrderTriggered, PhaseChanged, RejectReason, StopMoved
from common.exchange.stops import StopBook
from common.model.order import TimeInForce
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk, refusal, stop, trades, trailing

STOP, TAKE = TriggerKind.STOP_LOSS, TriggerKind.TAKE_PROFIT


def fired(events) -> list[int]:
    return [event.order_id for event in events if isinstance(event, OrderTriggered)]


def waiting(desk: Desk) -> int:
    return len(desk.exchange.markets[ETH.symbol].stops)


def trade_at(desk: Desk, price: int, lots: int = 1):
    """Two orders of others that meet."""
    number = desk.exchange.ledger.last_order_id
    desk.place("you", f"bid{number}", BUY, price, lots)
    return desk.place("him", f"ask{number}", SELL, price, lots)


def book_of(*levels) -> Desk:
    desk = Desk(settles=False)
    for number, (side, price, lots) in enumerate(levels):
        desk.place("deep", f"d{number}", side, price, lots)
    return desk


@pytest.mark.parametrize(
    ("kind", "side", "never", "fires"),
    [(STOP, BUY, 104, 105), (STOP, SELL, 106, 105), (TAKE, BUY, 106, 105), (TAKE, SELL, 104, 105)],
)
@pytest.mark.parametrize("reference", list(PriceReference))
def test_the_price_at_which_each_kind_fires(kind, side, never, fires, reference):
    desk = book_of((SELL, 200, 50), (BUY, 10, 50))
    desk.place("me", "s", side, 0, 2, trigger=stop(105, kind, reference=reference))
    move = desk.mark if reference is PriceReference.MARK else lambda price: trade_at(desk, price)
    assert fired(move(never)) == [] and desk.state("me", "s")[0] == "waiting"
    order = desk.order("me", "s").order_id
    assert fired(move(fires)) == [order] and desk.state("me", "s")[:2] == ("filled", 2)


@pytest.mark.parametrize("reference", list(PriceReference))
def test_the_other_reference_fires_nothing(reference):
    desk = book_of((SELL, 200, 50))
    desk.place("me", "s", BUY, 0, 2, trigger=stop(105, reference=reference))
    move = desk.mark if reference is PriceReference.LAST else lambda price: trade_at(desk, price)
    assert fired(move(110)) == []


def test_a_told_last_price_alone_fires_nothing():
    desk = book_of((SELL, 200, 50))
    desk.place("me", "s", BUY, 0, 2, trigger=stop(105))
    assert fired(desk.last(110)) == [] and waiting(desk) == 1
    desk.place("me", "other", BUY, 50, 1)
    assert waiting(desk) == 1
    assert fired(trade_at(desk, 106)) != []


@pytest.mark.parametrize(
    ("kind", "side", "last"), [(STOP, BUY, 105), (STOP, SELL, 105), (TAKE, BUY, 104), (TAKE, SELL, 106)]
)
def test_a_trigger_that_is_true_already_is_refused_or_fires_at_once(kind, side, last):
    desk = book_of((SELL, 200, 50), (BUY, 10, 50))
    desk.last(last)
    assert refusal(desk.place("me", "s", side, 0, 2, trigger=stop(105, kind))) is RejectReason.TRIGGER_ALREADY_TRUE
    assert fired(desk.place("me", "s", side, 0, 2, trigger=stop(105, kind, immediate=True))) == [3]
    assert desk.state("me", "s")[:2] == ("filled", 2)


def test_without_a_reference_nothing_is_true():
    desk = book_of()
    desk.place("me", "s", SELL, 0, 2, trigger=stop(105, immediate=True))
    assert waiting(desk) == 1


def test_the_child_is_what_the_order_says():
    desk = book_of((SELL, 107, 3), (BUY, 10, 5))
    desk.place("me", "gtc", BUY, 107, 5, trigger=stop(105))
    desk.place("me", "ioc", BUY, 107, 5, TimeInForce.IOC, trigger=stop(105))
    desk.place("me", "fok", BUY, 107, 5, TimeInForce.FOK, trigger=stop(105))
    desk.place("me", "post", BUY, 109, 5, post_only=True, trigger=stop(105))
    desk.place("me", "wait", BUY, 109, 5, trigger=stop(108))
    events = trade_at(desk, 105)
    assert fired(events) == [3, 4, 5, 6]
    assert desk.state("me", "gtc") == ("partially_filled", 3, 2) and desk.state("me", "ioc") == ("expired", 0, 0)
    assert desk.state("me", "fok") == ("expired", 0, 0) and desk.state("me", "post") == ("open", 0, 5)
    assert desk.state("me", "wait")[0] == "waiting"


def test_a_post_only_child_that_would_take_ends():
    desk = book_of((SELL, 107, 3))
    desk.place("me", "post", BUY, 109, 5, post_only=True, trigger=stop(105))
    desk.place("me", "slide", BUY, 109, 5, post_only=True, slide=True, trigger=stop(105))
    trade_at(desk, 105)
    assert desk.state("me", "post")[0] == "expired" and desk.order("me", "post").reason == "would_take"
    assert desk.state("me", "slide") == ("open", 0, 5) and desk.order("me", "slide").price_ticks == 106


def test_those_that_fire_together_go_by_age_not_by_price():
    desk = book_of((SELL, 110, 100))
    desk.place("me", "far", BUY, 0, 1, trigger=stop(104))
    desk.place("me", "near", BUY, 0, 1, trigger=stop(102))
    desk.place("me", "up", BUY, 0, 1, trigger=stop(105, TAKE))
    assert fired(trade_at(desk, 105))[:3] == [2, 3, 4]


def test_what_a_child_makes_true_fires_after_what_was_true_before_it():
    desk = book_of((SELL, 106, 1), (SELL, 107, 10))
    desk.place("me", "late", BUY, 0, 1, trigger=stop(106))
    desk.place("me", "first", BUY, 0, 1, trigger=stop(105))
    desk.place("me", "second", BUY, 0, 1, trigger=stop(105))
    events = trade_at(desk, 105)
    assert fired(events) == [4, 5, 3]
    assert trades(events)[1:] == [("d0", "first", 106, 1), ("d1", "second", 107, 1), ("d1", "late", 107, 1)]


def test_every_trade_counts_and_a_fired_trigger_stays_fired_when_the_price_turns():
    desk = book_of((BUY, 105, 1), (BUY, 90, 5), (SELL, 120, 10))
    desk.place("me", "up", BUY, 0, 1, trigger=stop(105))
    desk.place("me", "down", SELL, 0, 1, trigger=stop(90))
    events = desk.place("you", "sweep", SELL, 90, 2)
    assert fired(events) == [4, 5]
    assert trades(events) == [
        ("d0", "sweep", 105, 1), ("d1", "sweep", 90, 1), ("d2", "up", 120, 1), ("d1", "down", 90, 1)
    ]  # fmt: skip


def test_triggers_run_after_the_command_with_its_last_price():
    desk = book_of((SELL, 105, 1), (SELL, 110, 1), (SELL, 120, 9))
    desk.place("me", "s", BUY, 0, 1, trigger=stop(105))
    events = desk.place("you", "sweep", BUY, 110, 2)
    assert [each.reference_ticks for each in events if isinstance(each, OrderTriggered)] == [110]
    assert trades(events)[-1] == ("d2", "s", 120, 1)


def test_a_chain_longer_than_the_limit_halts_the_market_and_the_rest_waits_on():
    desk = Desk(settles=False, triggers_max=5, open_orders_max=10_000)
    for price in range(100, 120):
        desk.place("deep", f"d{price}", SELL, price, 1)
        desk.place("me", f"s{price}", BUY, 0, 1, trigger=stop(price))
    events = desk.place("you", "spark", BUY, 100, 1)
    assert len(fired(events)) == 5 and waiting(desk) == 15
    (halt,) = [event for event in events if isinstance(event, PhaseChanged)]
    assert (halt.phase, halt.reason) == (MarketPhase.HALT, "cascade")
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


def test_a_thousand_in_one_chain_is_allowed():
    desk = Desk(settles=False, open_orders_max=10_000)
    for number in range(1_000):
        desk.place("deep", f"d{number}", SELL, 100 + number, 1, at=1)
        desk.place("me", f"s{number}", BUY, 0, 1, trigger=stop(100 + number), at=1)
    events = desk.place("you", "spark", BUY, 100, 1, at=1)
    assert len(fired(events)) == 1_000 and desk.exchange.markets[ETH.symbol].facts.is_open


# A sell trails at last - offset, a buy at last + offset; 1 % of 1010 is 10.1, rounded up to 11.
@pytest.mark.parametrize(
    ("side", "terms", "path"),
    [
        (SELL, {"offset_ticks": 5}, [(100, 95), (103, 98), (101, 98), (99, 98), (104, 99)]),
        (BUY, {"offset_ticks": 5}, [(100, 105), (98, 103), (101, 103), (97, 102)]),
        (SELL, {"offset_bps": 100}, [(1_000, 990), (1_010, 999), (1_005, 999)]),
        (BUY, {"offset_bps": 100}, [(1_010, 1_021), (1_000, 1_010), (1_005, 1_010)]),
        (SELL, {"offset_ticks": 5, "activation_ticks": 110}, [(100, 0), (109, 0), (110, 105), (108, 105), (112, 107)]),
        (BUY, {"offset_ticks": 5, "activation_ticks": 90}, [(100, 0), (91, 0), (90, 95), (92, 95), (88, 93)]),
        (SELL, {"offset_ticks": 500}, [(100, 0), (501, 1)]),
        # Scenarios A and B of Binance's trailing stop FAQ: a stop-loss begins to follow when its stop price is reached.
        (
            BUY,
            {"offset_bps": 500, "activation_ticks": 44_000, "activation": STOP},
            [(40_000, 0), (37_000, 0), (44_000, 46_200), (46_000, 46_200), (42_000, 44_100)],
        ),
        (
            SELL,
            {"offset_bps": 1_000, "activation_ticks": 39_000, "activation": STOP},
            [(40_000, 0), (41_500, 0), (39_000, 35_100), (37_000, 35_100), (41_000, 36_900)],
        ),
    ],
)
@pytest.mark.parametrize("reference", list(PriceReference))
def test_a_trailing_stop_follows_and_never_loosens(side, terms, path, reference):
    desk = Desk(settles=False)
    move = desk.mark if reference is PriceReference.MARK else lambda price: trade_at(desk, price)
    move(path[0][0])
    desk.place("me", "t", side, 0, 1, trigger=trailing(reference=reference, **terms))
    for price, expected in path:
        move(price)
        assert desk.order("me", "t").stop_ticks == expected, price
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


def test_a_trailing_stop_fires_at_its_price():
    desk = book_of((BUY, 50, 9))
    trade_at(desk, 100)
    events = desk.place("me", "t", SELL, 0, 2, trigger=trailing(offset_ticks=5))
    assert [e.stop_ticks for e in events if isinstance(e, StopMoved)] == [95]
    trade_at(desk, 110)
    assert fired(trade_at(desk, 106)) == []
    assert trades(trade_at(desk, 105))[-1] == ("d0", "t", 50, 2)


def test_a_trailing_stop_begins_with_the_first_reference():
    desk = book_of((BUY, 50, 9))
    desk.place("me", "t", SELL, 0, 2, trigger=trailing(offset_ticks=5))
    assert desk.order("me", "t").stop_ticks == 0
    trade_at(desk, 100)
    assert desk.order("me", "t").stop_ticks == 95


@pytest.mark.parametrize(
    "trigger",
    [
        stop(0),
        stop(-1),
        stop(2**63),
        stop(1.5),
        stop(100, offset_ticks=1),
        stop(100, activation_ticks=1),
        trailing(),
        trailing(offset_ticks=1, offset_bps=1),
        trailing(offset_ticks=-1),
        trailing(offset_bps=10_000),
        trailing(offset_ticks=1, price_ticks=5),
        trailing(offset_ticks=1, activation_ticks=-5),
        trailing(offset_ticks=1, immediate=True),
        trailing(offset_ticks=1, activation_ticks=5, activation=TriggerKind.TRAILING),
    ],
)
def test_triggers_that_cannot_be_are_refused(trigger):
    assert refusal(Desk(settles=False).place("me", "s", BUY, 0, 1, trigger=trigger)) is RejectReason.TRIGGER_INVALID


def test_a_waiting_limit_order_locks_its_price_and_a_market_order_is_checked_when_it_fires():
    desk = Desk()
    desk.place("me", "limit", BUY, 100, 10, trigger=stop(105))
    assert desk.exchange.ledger.accounts.balance("me", "USDT").locked == 100 * 10 * 100
    desk.levels([], [(10**9, 10**6)])
    desk.place("me", "market", BUY, 0, 10**6, trigger=stop(105))
    desk.print_trade(BUY, 105, 1)
    assert desk.state("me", "limit") == ("open", 0, 10)
    assert desk.state("me", "market")[0] == "expired" and desk.order("me", "market").reason == "insufficient_balance"


def test_waiting_orders_end_with_time_and_with_cancels():
    desk = Desk(settles=False)
    desk.place("me", "t", BUY, 100, 1, expires_ns=1_000, trigger=stop(105))
    desk.place("me", "c", BUY, 100, 1, trigger=stop(105))
    desk.cancel("me", name="c")
    desk.wait_until(1_000)
    assert waiting(desk) == 0 and desk.state("me", "t")[0] == "expired"
    assert fired(trade_at(desk, 110)) == []


def test_the_stop_book_forgets_what_went():
    stops = StopBook()
    for number in range(1, 5_000):
        stops.add(number, BUY, stop(100 + number), 100 + number)
        if number > 10:
            stops.remove(number - 10)
    assert len(stops) == 10 and sum(len(heap) for heap in stops._heaps.values()) < 200
    assert stops.due(PriceReference.LAST, 10**6, 4_994) == list(range(4_990, 4_995))
    assert stops.due(PriceReference.LAST, 10**6, 4_999) == list(range(4_995, 5_000)) and len(stops) == 0


def test_an_order_knows_since_when_it_works_and_follows():
    desk = book_of((SELL, 200, 50), (BUY, 10, 50))
    trade_at(desk, 100)
    desk.place("me", "now", BUY, 50, 1)
    desk.place("me", "stop", SELL, 0, 1, trigger=stop(90))
    desk.place("me", "trail", SELL, 0, 1, trigger=trailing(offset_ticks=20, activation_ticks=110))
    now, stopped, trail = (desk.order("me", name) for name in ("now", "stop", "trail"))
    assert (now.working_ns, stopped.working_ns, trail.following_ns) == (now.placed_ns, 0, 0)
    trade_at(desk, 110)
    followed_ns = desk.exchange.time_ns
    trade_at(desk, 120)
    trade_at(desk, 90)
    assert trail.following_ns == followed_ns < trail.working_ns == stopped.working_ns == desk.exchange.time_ns
