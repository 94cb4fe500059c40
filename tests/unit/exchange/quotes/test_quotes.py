"""Quotes through the exchange."""

import pytest

from common.exchange.commands import ExpireOpenOrders, PassTime, PlaceOrder
from common.exchange.configuration import ExchangeConfig, Features
from common.exchange.events import CommandRefused, OrderAmended, OrderCanceled, OrderPlaced, RejectReason
from common.exchange.exchange import Exchange
from common.exchange.quotes.commands import CancelQuote, MoveQuote, SetQuote
from common.exchange.quotes.engine import FOLLOWERS_MAX
from common.exchange.quotes.events import QuoteEnded, QuotePlaced
from common.exchange.quotes.terms import QuoteTerms
from tests.unit.exchange.desk import BUY, ETH, SELL, Desk


def of(kind, events):  # type: ignore[no-untyped-def]
    return [event for event in events if isinstance(event, kind)]


def quote(desk: Desk, account: str = "me", **terms):  # type: ignore[no-untyped-def]
    """Set a quote of 10 lots a side."""
    return desk.run(
        SetQuote, account=account, symbol=ETH.symbol, terms=QuoteTerms(**{"bid_lots": 10, "ask_lots": 10} | terms)
    )


def move(desk: Desk, **terms):  # type: ignore[no-untyped-def]
    return desk.run(MoveQuote, account="me", symbol=ETH.symbol, **terms)


def sides(desk: Desk, account: str = "me") -> list[tuple[str, int, int]]:
    """(side, price, open lots) of linked orders, bids first."""
    orders = desk.exchange.orders.open_of(account, [ETH.symbol])
    return sorted(
        (order.side.value[0], order.price_ticks, order.remaining_lots) for order in orders if order.terms.link
    )


def reason_of(events):  # type: ignore[no-untyped-def]
    (event,) = events
    assert isinstance(event, CommandRefused)
    return event.reason


def test_a_quote_has_two_post_only_orders() -> None:
    desk = Desk()
    events = quote(desk, bid_ticks=99, ask_ticks=101, bid_lots=5)
    assert sides(desk) == [("b", 99, 5), ("s", 101, 10)]
    (told,) = of(QuotePlaced, events)
    assert (told.quote_id, told.bid_ticks, told.bid_lots, told.ask_ticks, told.ask_lots) == (1, 99, 5, 101, 10)
    assert all(event.terms.post_only and event.terms.link == "quote:1" for event in of(OrderPlaced, events))


def test_trap_38_a_quote_around_a_middle_is_rounded_outwards() -> None:
    desk = Desk()
    quote(desk, mid_ticks=1001, spread_bps=10)
    assert sides(desk) == [("b", 1000, 10), ("s", 1002, 10)]


def test_trap_39_an_update_keeps_the_spread_and_its_minimum() -> None:
    desk = Desk()
    quote(desk, mid_ticks=100_000, spread_bps=10, spread_bps_min=10)
    move(desk, mid_ticks=500)
    assert sides(desk) == [("b", 499, 10), ("s", 501, 10)]
    before = sides(desk)
    assert reason_of(move(desk, mid_ticks=0, bid_ticks=500, ask_ticks=500)) is RejectReason.QUOTE_INVALID
    desk = Desk()
    quote(desk, bid_ticks=990, ask_ticks=1010, spread_bps_min=200)
    before = sides(desk)
    for bid, ask in ((991, 1010), (1010, 1010), (1011, 1010), (999, 1000)):
        assert reason_of(move(desk, bid_ticks=bid, ask_ticks=ask)) is RejectReason.SPREAD_TOO_NARROW
    assert sides(desk) == before


def test_trap_39_the_venues_minimum_holds_for_everybody() -> None:
    desk = Desk()
    desk.exchange = Exchange(
        ExchangeConfig(instruments=[ETH], fees=desk.config.fees, quote_spread_bps_min=50, settles=False)
    )
    assert reason_of(quote(desk, mid_ticks=1000, spread_bps=49)) is RejectReason.SPREAD_TOO_NARROW
    assert reason_of(quote(desk, bid_ticks=999, ask_ticks=1001)) is RejectReason.SPREAD_TOO_NARROW
    quote(desk, mid_ticks=1000, spread_bps=50)
    assert sides(desk) == [("b", 997, 10), ("s", 1003, 10)]
    with pytest.raises(ValueError):
        ExchangeConfig(instruments=[ETH], fees=desk.config.fees, quote_spread_bps_min=20_000)


def test_trap_40_quotes_of_two_owners_stand_beside_each_other() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    quote(desk, "you", bid_ticks=98, ask_ticks=102)
    assert sides(desk) == [("b", 99, 10), ("s", 101, 10)]
    assert sides(desk, "you") == [("b", 98, 10), ("s", 102, 10)]
    desk.run(CancelQuote, account="you", symbol=ETH.symbol)
    assert sides(desk) == [("b", 99, 10), ("s", 101, 10)]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"mid_ticks": 1000, "spread_bps": 20_000}, RejectReason.QUOTE_INVALID),
        ({"mid_ticks": 1000, "spread_bps": -1}, RejectReason.QUOTE_INVALID),
        ({"mid_ticks": 1000, "spread_bps": 1.5}, RejectReason.QUOTE_INVALID),
        ({"mid_ticks": 1, "spread_bps": 19_999}, RejectReason.PRICE_INVALID),
        ({"mid_ticks": 2**63 - 1, "spread_bps": 10}, RejectReason.PRICE_INVALID),
        ({"mid_ticks": 2**62, "spread_bps": 10}, RejectReason.NOTIONAL_TOO_LARGE),
        ({"mid_ticks": 1000}, RejectReason.QUOTE_INVALID),
        ({"spread_bps": 10}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5, "ask_ticks": 7, "mid_ticks": 6}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5, "ask_ticks": 7, "follows_mark": True}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 7, "ask_ticks": 5}, RejectReason.SPREAD_TOO_NARROW),
        ({"bid_ticks": 7, "ask_ticks": 7}, RejectReason.SPREAD_TOO_NARROW),
        ({"bid_ticks": 5, "ask_ticks": 7, "bid_lots": 0}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5, "ask_ticks": 7, "ask_lots": -1}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5, "ask_ticks": 7, "expires_ns": 1}, RejectReason.QUOTE_INVALID),
        ({"follows_mark": True, "spread_bps": 10}, RejectReason.NO_MARK_PRICE),
        ({"mid_ticks": 1000, "spread_bps": 10, "skew_bps": 5}, RejectReason.QUOTE_INVALID),
        ({"bid_ticks": 5, "ask_ticks": 7, "bid_lots": 10**12}, RejectReason.INSUFFICIENT_BALANCE),
        ({"bid_ticks": 5, "ask_ticks": 7, "ask_lots": 10**12}, RejectReason.INSUFFICIENT_BALANCE),
    ],
)  # fmt: skip
def test_trap_41_bad_terms_are_refused_and_change_nothing(terms: dict, reason: RejectReason) -> None:
    desk = Desk()
    assert reason_of(quote(desk, **terms)) is reason
    assert not desk.exchange.quotes.quotes


def test_trap_41_an_explicit_quote_that_would_take_is_refused_whole() -> None:
    desk = Desk()
    desk.place("you", "x", SELL, 100, 1)
    assert reason_of(quote(desk, bid_ticks=100, ask_ticks=105)) is RejectReason.WOULD_TAKE
    assert not sides(desk)
    desk.place("me", "own", BUY, 97, 1)
    assert reason_of(quote(desk, bid_ticks=95, ask_ticks=97)) is RejectReason.WOULD_TAKE, (
        "not against own orders either"
    )


def test_a_quote_around_a_middle_stays_out_of_the_market_and_wide() -> None:
    desk = Desk()
    desk.place("you", "x", SELL, 995, 1)
    quote(desk, mid_ticks=1000, spread_bps=20)
    assert sides(desk) == [("b", 994, 10), ("s", 1001, 10)]


def test_trap_41_linked_sides_end_together() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101, linked=True)
    desk.place("you", "x", SELL, 99, 4)
    assert sides(desk) == [("b", 99, 6), ("s", 101, 10)], "a part is no end"
    (ended,) = of(QuoteEnded, desk.place("you", "y", SELL, 99, 6))
    assert ended.reason == "bid filled"
    assert not sides(desk)


def test_trap_41_a_linked_side_that_the_owner_cancels_takes_the_other_along() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101, linked=True)
    (ended,) = of(QuoteEnded, desk.cancel("me", desk.exchange.quotes.find("me", ETH.symbol).ask_order))
    assert ended.reason == "ask canceled"
    assert not sides(desk)


def test_sides_that_are_not_linked_end_alone() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    assert not of(QuoteEnded, desk.place("you", "x", SELL, 99, 10))
    assert sides(desk) == [("s", 101, 10)]
    (ended,) = of(QuoteEnded, desk.place("you", "y", BUY, 101, 10))
    assert ended.reason == "ask filled"
    assert not desk.exchange.quotes.quotes


def test_trap_41_a_quote_expires() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101, expires_ns=1000)
    desk.wait_until(999)
    assert len(sides(desk)) == 2
    (ended,) = of(QuoteEnded, desk.wait_until(1000))
    assert ended.reason == "expired"
    assert not sides(desk)


def test_a_later_expiry_replaces_the_earlier_one() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101, expires_ns=1000)
    quote(desk, bid_ticks=99, ask_ticks=101, expires_ns=2000)
    desk.wait_until(1500)
    assert len(sides(desk)) == 2
    desk.wait_until(2000)
    assert not sides(desk)


def test_a_smaller_side_keeps_its_place_and_a_larger_or_moved_one_does_not() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    ids = [order.order_id for order in desk.exchange.orders.open_of("me", [ETH.symbol])]
    desk.place("you", "x", BUY, 99, 5)
    events = move(desk, bid_lots=7, ask_ticks=102)
    amended = {event.order_id: event.keeps_place for event in of(OrderAmended, events)}
    assert amended == {ids[0]: True, ids[1]: False}
    assert desk.queue(BUY, 99) == [("me", ids[0], 7), ("you", ids[1] + 1, 5)]
    move(desk, bid_lots=8)
    assert desk.queue(BUY, 99) == [("you", ids[1] + 1, 5), ("me", ids[0], 8)]
    assert [order.order_id for order in desk.exchange.orders.open_of("me", [ETH.symbol])] == ids, "never replaced"


def test_a_refresh_that_changes_nothing_says_nothing() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    assert move(desk, bid_ticks=99) == []


def test_both_sides_jump_over_each_other_without_crossing() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    found = desk.exchange.quotes.find("me", ETH.symbol)
    told = {found.bid_order: 99, found.ask_order: 101}
    for bid, ask in ((200, 210), (99, 101), (101, 103), (97, 99)):
        for event in of(OrderAmended, move(desk, bid_ticks=bid, ask_ticks=ask)):
            told[event.order_id] = event.price_ticks
            assert told[found.bid_order] < told[found.ask_order], "who follows the events sees no crossed quote either"
        assert sides(desk) == [("b", bid, 10), ("s", ask, 10)]


def test_a_refresh_that_is_refused_moves_neither_side() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    desk.place("you", "x", SELL, 150, 1)
    assert reason_of(move(desk, bid_ticks=150, ask_ticks=160)) is RejectReason.WOULD_TAKE
    assert sides(desk) == [("b", 99, 10), ("s", 101, 10)]


def test_a_quote_that_is_not_there_is_no_quote() -> None:
    desk = Desk()
    assert reason_of(move(desk, bid_ticks=1)) is RejectReason.UNKNOWN_QUOTE
    assert reason_of(desk.run(CancelQuote, account="me", symbol=ETH.symbol)) is RejectReason.UNKNOWN_QUOTE


def test_a_quote_follows_the_mark_beyond_its_threshold() -> None:
    desk = Desk()
    desk.mark(10_000)
    quote(desk, follows_mark=True, spread_bps=20, threshold_bps=10)
    assert sides(desk) == [("b", 9_990, 10), ("s", 10_010, 10)]
    assert not of(OrderAmended, desk.mark(10_009))
    assert len(of(OrderAmended, desk.mark(10_010))) == 2
    assert sides(desk) == [("b", 9_999, 10), ("s", 10_021, 10)]


def test_following_the_mark_makes_a_partly_filled_side_no_larger() -> None:
    desk = Desk()
    desk.mark(10_000)
    quote(desk, follows_mark=True, spread_bps=20)
    desk.place("you", "x", SELL, 9_990, 4)
    desk.mark(10_100)
    assert [lots for _, _, lots in sides(desk)] == [6, 10]
    desk.place("you", "y", SELL, 9_000, 6)
    desk.mark(10_200)
    assert [(side, lots) for side, _, lots in sides(desk)] == [("s", 10)]


def test_a_quote_that_refills_is_whole_again_after_each_trade_and_leans_against_what_it_holds() -> None:
    desk = Desk()
    desk.mark(10_000)
    quote(desk, follows_mark=True, spread_bps=20, refills=True, held_lots_max=15, skew_bps=30)
    desk.place("you", "x", SELL, 9_990, 10)
    # Long 10 of 15: 20 bps of skew, and room for 5 more.
    assert sides(desk) == [("b", 9_970, 5), ("s", 9_990, 10)]
    desk.place("you", "y", SELL, 9_970, 5)
    assert sides(desk) == [("s", 9_980, 10)]
    desk.place("you", "z", BUY, 9_980, 10)
    assert sides(desk) == [("b", 9_980, 10), ("s", 10_000, 10)]


def test_a_quote_that_refills_ends_when_it_cannot() -> None:
    desk = Desk()
    desk.mark(100)
    quote(desk, follows_mark=True, spread_bps=200, refills=True, ask_lots=600_000)
    (ended,) = of(QuoteEnded, desk.place("you", "x", BUY, 101, 600_000))
    assert ended.reason == RejectReason.INSUFFICIENT_BALANCE
    assert not sides(desk)


def test_a_side_that_the_owner_cancels_is_not_fought_for() -> None:
    desk = Desk()
    quote(desk, mid_ticks=100, spread_bps=200, refills=True)
    (ended,) = of(QuoteEnded, desk.cancel("me", desk.exchange.quotes.find("me", ETH.symbol).bid_order))
    assert ended.reason == "bid canceled"
    quote(desk, mid_ticks=100, spread_bps=200, refills=True)
    (ended,) = of(QuoteEnded, desk.run(ExpireOpenOrders, reason="venue_restart"))
    assert ended.reason == "bid expired: venue_restart, ask expired: venue_restart"


def test_both_sides_that_fill_at_once_are_both_placed_again() -> None:
    desk = Desk()
    quote(desk, mid_ticks=100, spread_bps=200, refills=True)
    # One command, and one batch's worth of trades on both sides before the quote reacts.
    desk.batch(
        desk.command(PlaceOrder, account="you", client_order_id="a", side=SELL, price_ticks=99, quantity_lots=10),
        desk.command(PlaceOrder, account="you", client_order_id="b", side=BUY, price_ticks=101, quantity_lots=10),
    )
    assert sides(desk) == [("b", 99, 10), ("s", 101, 10)]


def halted(desk: Desk) -> None:
    """Let the last price fall by a tenth in trades that the quote has no part in."""
    desk.place("you", "low", BUY, 9_000, 5)
    desk.place("you", "high", SELL, 10_005, 5)
    desk.place("him", "b", BUY, 10_005, 5)
    for order in desk.exchange.orders.open_of("me", [ETH.symbol]):
        if order.side is BUY and order.price_ticks > 9_000:
            desk.place("him", f"x{order.order_id}", SELL, order.price_ticks, order.remaining_lots)
    desk.place("him", "s", SELL, 9_000, 5)
    assert desk.exchange.markets[ETH.symbol].facts.phase == "halt"


def test_a_halted_market_leaves_a_quote_alone_and_is_waited_for() -> None:
    desk = Desk(accounts=("me", "you", "him"), breaker_bps=500)
    desk.mark(10_000)
    quote(desk, follows_mark=True, spread_bps=20)
    halted(desk)
    before = sides(desk)
    assert before == [("s", 10_010, 10)]
    desk.mark(11_000)
    assert sides(desk) == before
    assert desk.loaded().state_hash() == desk.exchange.state_hash()
    desk.wait_until(desk.exchange.time_ns + 301 * 10**9)
    assert sides(desk) == [("s", 11_011, 10)]
    assert not desk.exchange.quotes.find("me", ETH.symbol).retry_ns


def test_only_so_many_quotes_follow_one_mark() -> None:
    names = [f"m{number}" for number in range(FOLLOWERS_MAX + 1)]
    desk = Desk(settles=False)
    desk.exchange.execute(PassTime(time_ns=1))
    desk.mark(10_000)
    for number, name in enumerate(names):
        command = SetQuote(
            time_ns=number + 3, account=name, symbol=ETH.symbol,
            terms=QuoteTerms(bid_lots=1, ask_lots=1, follows_mark=True, spread_bps=10),
        )  # fmt: skip
        events = desk.exchange.execute(command)
    assert events[0].reason is RejectReason.TOO_MANY_QUOTES
    assert len(desk.exchange.quotes.quotes) == FOLLOWERS_MAX


def test_cancel_takes_both_sides_off() -> None:
    desk = Desk()
    quote(desk, bid_ticks=99, ask_ticks=101)
    events = desk.run(CancelQuote, account="me", symbol=ETH.symbol)
    assert len(of(OrderCanceled, events)) == 2
    assert of(QuoteEnded, events)[0].reason == "canceled"
    assert not desk.exchange.ledger.accounts.balance("me", "USDT").locked


def test_a_snapshot_and_a_replay_know_the_quotes() -> None:
    desk = Desk()
    desk.mark(10_000)
    quote(desk, follows_mark=True, spread_bps=20, refills=True, expires_ns=10**6)
    desk.place("you", "x", SELL, 9_990, 10)
    for other in (desk.loaded(), desk.replayed()):
        assert other.state_hash() == desk.exchange.state_hash()
        told = other.execute(PassTime(time_ns=10**6))
        assert of(QuoteEnded, told)


def test_quotes_that_are_off_are_refused() -> None:
    exchange = Exchange(ExchangeConfig(instruments=[ETH], fees=Desk().config.fees, features=Features(quotes=False)))
    (refused,) = exchange.execute(CancelQuote(time_ns=1, account="me", symbol=ETH.symbol))
    assert refused.reason is RejectReason.FEATURE_OFF
