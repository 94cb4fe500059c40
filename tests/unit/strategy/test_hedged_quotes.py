"""The decision, piece by piece: price, size, patience, replacement, refusals, and every reason to pull."""

import msgspec
import pytest

from common.messages import CancelOrder, SubmitOrder
from common.model.order import OrderState, OrderType, Side
from common.strategy.hedged_quotes import WOULD_TAKE, submit_refused
from common.strategy.quote_rules import QuoteMode
from tests.unit.strategy.hedged_quotes_desk import MS, RULES, Desk

TWO_SIDED = msgspec.structs.replace(RULES, mode=QuoteMode.TWO_SIDED)


def test_a_short_position_is_answered_by_one_post_only_bid() -> None:
    desk = Desk().ready(target_lots=5_000)
    (command,) = desk.decide(trigger_ns=77)
    assert isinstance(command, SubmitOrder)
    assert (command.side, command.quantity_lots, command.post_only) == (Side.BUY, 5_000, True)
    assert command.order_type is OrderType.LIMIT
    assert command.expires_at_ns == desk.now_ns + RULES.order_life_ns
    assert command.trigger_received_ns == 77
    assert command.strategy == "market_maker"
    assert desk.decide() == []  # The order counts from the moment it left.


def test_a_long_position_is_answered_by_one_offer() -> None:
    desk = Desk().ready(target_lots=-5_000)
    command = desk.submit()
    assert (command.side, command.quantity_lots) == (Side.SELL, 5_000)
    assert command.price_ticks >= 268_381


def test_the_larger_the_need_the_nearer_to_the_touch() -> None:
    # half spread 25 ticks, skew 5 ticks per 0.1 ETH, the middle half a tick above the best bid.
    prices = [Desk().ready(lots).submit().price_ticks for lots in (200, 1_000, 3_000, 4_800, 5_000, 50_000)]
    assert prices == [268_356, 268_360, 268_370, 268_379, 268_380, 268_380]
    offers = [Desk().ready(-lots).submit().price_ticks for lots in (200, 1_000, 3_000, 4_800, 5_000, 50_000)]
    assert offers == [268_381 + (268_380 - price) for price in prices]


def test_it_is_never_further_behind_than_configured() -> None:
    rules = msgspec.structs.replace(RULES, behind_touch_bps=0.4)
    desk = Desk(rules).ready(200)
    assert desk.submit().price_ticks == 268_369  # 0.4 bp of 268,380.5 ticks is 10.7 ticks; rounded away from the touch.


def test_a_wide_spread_is_joined_and_not_crossed() -> None:
    desk = Desk().ready(50_000)
    desk.show_book(bid=268_300, ask=268_400)
    assert desk.submit().price_ticks == 268_300


@pytest.mark.parametrize(
    ("target_lots", "depth_lots", "quantity_lots"),
    [(199, 50_000, None), (200, 50_000, 200), (5_000, 10, 5_000), (50_000, 10, 20_000), (50_000, 30_000, 30_000),
     (90_000, 500_000, 60_000)],
)  # fmt: skip
def test_size_is_the_need_within_band_depth_and_maximum(
    target_lots: int, depth_lots: int, quantity_lots: int | None
) -> None:
    desk = Desk().ready(target_lots)
    desk.show_book(lots=depth_lots)
    commands = desk.decide()
    assert [command.quantity_lots for command in commands if isinstance(command, SubmitOrder)] == (
        [] if quantity_lots is None else [quantity_lots]
    )


def test_a_need_below_the_venues_notional_is_left_alone() -> None:
    rules = msgspec.structs.replace(RULES, quantity_min_lots=1)
    desk = Desk(rules).ready(18)
    assert desk.decide() == []  # 18 lots at 2,683 are 4.83 USD.
    desk.show_exposure(19)
    assert desk.submit().quantity_lots == 19


def test_position_counts_towards_the_target() -> None:
    desk = Desk()
    desk.position_lots = 4_000
    assert desk.ready(5_000).submit().quantity_lots == 1_000


def test_small_moves_leave_the_order_in_its_queue() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.pass_time(400)
    desk.show_book(bid=268_384, ask=268_385)  # 4 ticks are less than 0.2 bp.
    desk.show_exposure(6_000)  # 1,000 lots more are less than a quarter.
    assert desk.decide() == []
    desk.show_book(bid=268_386, ask=268_387)
    assert desk.cancel().client_order_id == order.client_order_id


def test_a_young_order_is_not_moved_for_its_price() -> None:
    desk = Desk()
    desk.rest(5_000)
    desk.pass_time(299)
    desk.show_book(bid=268_480, ask=268_481)
    assert desk.decide() == []
    desk.pass_time(1)
    desk.refresh()
    desk.cancel()


def test_an_order_larger_than_the_need_does_not_wait_for_its_age() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.show_exposure(3_000)
    assert desk.cancel().client_order_id == order.client_order_id


def test_the_need_may_turn_round() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.show_exposure(-3_000)
    cancel, submit = desk.decide()
    assert isinstance(cancel, CancelOrder)
    assert cancel.client_order_id == order.client_order_id
    assert isinstance(submit, SubmitOrder)
    assert (submit.side, submit.quantity_lots) == (Side.SELL, 3_000)


def test_an_open_need_is_followed_to_half_of_the_dead_band() -> None:
    desk = Desk()
    desk.rest(300)
    desk.show_exposure(150)
    assert desk.decide() == []  # Below the band of 200, but the order is there already.
    desk.show_exposure(99)
    desk.cancel()


def test_own_quotes_do_not_count_as_the_touch() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.pass_time(400)
    # Everybody else has left our level: the best price is ours alone, the next one far below.
    desk.show_book(bid=order.price_ticks, ask=268_400)
    book = desk.state.book
    assert book is not None
    bids = [(order.price_ticks, 5_000), (268_300, 40_000)]
    desk.state.see_book(msgspec.structs.replace(book, bids=bids))
    assert desk.cancel().client_order_id == order.client_order_id
    desk.finish_cancel(order.client_order_id)
    desk.deliver()
    assert desk.submit().price_ticks == 268_300


def test_a_replacement_waits_for_the_cancel() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.pass_time(400)
    desk.show_book(bid=268_480, ask=268_481)
    desk.cancel()
    desk.pass_time(100)
    desk.refresh()
    assert desk.decide() == []
    desk.fill(order.client_order_id, 2_000)  # On the way off it still trades.
    desk.finish_cancel(order.client_order_id)
    desk.deliver()
    replacement = desk.submit()
    assert (replacement.quantity_lots, replacement.price_ticks) == (3_000, 268_470)


def test_an_unanswered_cancel_is_repeated() -> None:
    desk = Desk()
    desk.rest(5_000)
    desk.show_exposure(0)
    desk.cancel()
    desk.pass_time(999)
    desk.refresh()
    assert desk.decide() == []
    desk.pass_time(1)
    desk.refresh()
    desk.cancel()


@pytest.mark.parametrize("state", [OrderState.PENDING, OrderState.UNKNOWN])
def test_an_order_without_an_answer_counts_as_live(state: OrderState) -> None:
    desk = Desk().ready(5_000)
    order = desk.submit()
    desk.move(order.client_order_id, state)
    desk.deliver()
    desk.pass_time(5_000)
    desk.refresh()
    assert not [command for command in desk.decide() if isinstance(command, SubmitOrder)]


def test_unknown_order_is_believed_only_after_its_command_expired() -> None:
    desk = Desk().ready(5_000)
    order = desk.submit()
    desk.state.orders.doubt(order.client_order_id)
    desk.cancel()
    assert not desk.answer_unknown(order.client_order_id)
    desk.refresh()
    assert desk.decide() == []
    desk.pass_time(1_500)
    desk.refresh()
    assert desk.answer_unknown(order.client_order_id)
    desk.submit()


def test_a_fill_is_counted_once_whichever_way_it_arrives_first() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.fill(order.client_order_id, 5_000)
    desk.show_position()  # The position server was faster than the oms's own news.
    assert desk.decide() == [] or all(isinstance(command, CancelOrder) for command in desk.sent[1:])
    desk.deliver()
    desk.pass_time(2_000)
    desk.refresh()
    assert desk.decide() == []
    assert desk.state.position.lots == 5_000


def test_a_fill_that_only_the_order_tells_of_is_counted_against_both_sides() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.fill(order.client_order_id, 5_000, tell_fill=False)
    desk.deliver()
    assert desk.decide() == []  # Perhaps held, perhaps not: neither buy again nor sell it back.
    desk.pass_time(2_001)
    desk.refresh()
    assert desk.decide() == []
    assert desk.state.reason == "fills_missing"


def test_a_hole_in_the_fills_stops_quoting_until_the_list_is_read() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.fill(order.client_order_id, 1_000)
    lost = desk.news.popleft()
    desk.fill(order.client_order_id, 1_000)
    desk.deliver()
    assert desk.state.needs_fills
    assert isinstance(desk.decide()[0], CancelOrder)
    assert desk.state.reason == "position_behind_fills"
    assert desk.state.position.heard_through == 0
    lost()
    assert desk.state.position.lots == 1_000


def test_post_only_refusals_reprice_soon_and_do_not_escalate() -> None:
    desk = Desk().ready(5_000)
    for _ in range(5):
        order = desk.submit()
        desk.move(order.client_order_id, OrderState.REJECTED, WOULD_TAKE)
        desk.deliver()
        assert desk.decide() == []
        desk.pass_time(50)
        desk.refresh()


def test_other_refusals_wait_longer_each_time_up_to_the_bound() -> None:
    desk, waits = Desk().ready(5_000), []
    for _ in range(7):
        order = desk.submit()
        submit_refused(desk.state, order.client_order_id, "position_limit", desk.now_ns)
        waited = 0
        while not any(isinstance(command, SubmitOrder) for command in desk.decide()):
            desk.pass_time(50)
            desk.refresh()
            waited += 50
        waits.append(waited)
        submit_refused(desk.state, list(desk.orders)[-1], "position_limit", desk.now_ns)
        desk.pass_time(5_000)
        desk.refresh()
    assert waits == [250, 1_000, 4_000, 4_000, 4_000, 4_000, 4_000]


def test_an_accepted_order_ends_the_escalation() -> None:
    desk = Desk().ready(5_000)
    for _ in range(4):
        submit_refused(desk.state, desk.submit().client_order_id, "busy", desk.now_ns)
        desk.pass_time(5_000)
        desk.refresh()
    order = desk.submit()
    desk.fill(order.client_order_id, 1_000)
    desk.move(order.client_order_id, OrderState.CANCELED)
    desk.deliver()
    submit_refused(desk.state, desk.submit().client_order_id, "busy", desk.now_ns)
    desk.pass_time(250)
    desk.refresh()
    desk.submit()


@pytest.mark.parametrize(
    ("reason", "spoil"),
    [
        ("oms_silent", lambda desk: setattr(desk.state, "oms_silence_s", 2.1)),
        ("oms_unsynced", lambda desk: setattr(desk.state, "oms_synced", False)),
        ("oms_unsynced", lambda desk: setattr(desk.state, "killed", None)),
        ("killed", lambda desk: setattr(desk.state, "killed", True)),
        ("stopping", lambda desk: setattr(desk.state, "stopping", True)),
        ("feed_not_live", lambda desk: setattr(desk.state, "feed_state", "stale")),
        ("book_missing", lambda desk: setattr(desk.state, "book", None)),
        ("exposure_missing", lambda desk: setattr(desk.state, "exposure", None)),
        ("exposure_incomplete", lambda desk: desk.show_exposure(5_000, complete=False)),
        ("lp_stale", lambda desk: desk.show_exposure(5_000, lp_age_ms=3_501)),
        ("book_crossed", lambda desk: desk.show_book(bid=268_381, ask=268_381)),
        ("spread_wide", lambda desk: desk.show_book(bid=266_000, ask=268_381)),
        ("book_stale", lambda desk: desk.pass_time(501)),
        ("exposure_stale", lambda desk: (desk.pass_time(2_001), desk.show_book())),
    ],
)
def test_everything_is_pulled(reason: str, spoil: object) -> None:
    desk = Desk()
    order = desk.rest(5_000)
    assert callable(spoil)
    spoil(desk)
    assert desk.cancel().client_order_id == order.client_order_id
    assert desk.state.reason == reason
    desk.finish_cancel(order.client_order_id)
    desk.deliver()
    assert desk.decide() == []


def test_nothing_is_sent_before_everything_is_known() -> None:
    desk = Desk()
    assert desk.decide() == []
    desk.show_book()
    assert desk.decide() == []
    desk.show_position()
    assert desk.decide() == []
    desk.show_exposure(5_000)
    desk.submit()


def test_orders_of_an_earlier_life_go_first() -> None:
    desk = Desk().ready(5_000)
    earlier = Desk()
    old = earlier.rest(5_000)
    desk.orders[old.client_order_id] = earlier.orders[old.client_order_id]
    fact_of = earlier.news
    earlier.tell(old.client_order_id)
    from common.messages import OrderChanged

    desk.state.orders.adopt(
        OrderChanged(
            client_order_id=old.client_order_id, strategy="market_maker", venue="binance", symbol="ETH-USDT",
            side=old.side, price_ticks=old.price_ticks, quantity_lots=old.quantity_lots, filled_lots=0,
            state=OrderState.OPEN,
        )
    )  # fmt: skip
    assert len(fact_of) == 1
    assert desk.cancel().client_order_id == old.client_order_id
    assert desk.state.reason == "leftovers"
    desk.finish_cancel(old.client_order_id)
    desk.deliver()
    desk.submit()


def test_two_sided_shows_a_wide_other_side() -> None:
    desk = Desk(TWO_SIDED).ready(5_000)
    bid, offer = desk.decide()
    assert isinstance(bid, SubmitOrder)
    assert isinstance(offer, SubmitOrder)
    assert (bid.side, bid.quantity_lots) == (Side.BUY, 5_000)
    assert (offer.side, offer.quantity_lots) == (Side.SELL, RULES.other_lots)
    assert offer.price_ticks >= 268_381 + 3.0 * 26.838 - 1


def test_two_sided_shows_both_when_flat_and_one_when_far_away() -> None:
    assert len(Desk(TWO_SIDED).ready(0).decide()) == 2
    assert len(Desk(TWO_SIDED).ready(20_000).decide()) == 1


def test_books_without_a_new_best_price_are_not_worth_a_decision() -> None:
    desk = Desk()
    desk.rest(5_000)
    book = desk.state.book
    assert book is not None
    assert not desk.state.see_book(msgspec.structs.replace(book, update_id=2))
    assert desk.state.see_book(msgspec.structs.replace(book, bids=[(268_379, 1)]))
    desk.pass_time(600)
    desk.decide()
    assert desk.state.see_book(msgspec.structs.replace(book, received_ns=desk.now_ns))  # It ends the staleness.


def test_a_flood_of_waiting_fills_is_bounded_and_stays_exact_at_its_end() -> None:
    desk = Desk().ready(0)
    for sequence in range(1, 10_102):
        desk.state.position.add(sequence, 1, desk.now_ns)
    desk.position_lots, desk.fill_sequence = 10_101, 10_101
    desk.show_position()
    assert desk.state.position.lots == 10_101
    assert desk.state.position.oldest_pending_ns == 0


def test_a_clock_that_is_set_back_pulls_and_then_nothing_waits_for_the_lost_hour() -> None:
    desk = Desk()
    order = desk.rest(5_000)
    desk.pass_time(-3_600_000)
    assert desk.cancel().client_order_id == order.client_order_id
    assert desk.state.reason in ("book_stale", "exposure_stale")
    desk.move(order.client_order_id, OrderState.REJECTED, "busy")
    desk.deliver()
    desk.refresh()
    assert desk.decide() == []  # Only the pause after the refusal is waited for.
    desk.pass_time(-3_600_000)
    desk.refresh()
    desk.submit()


def test_expired_post_only_orders_are_treated_as_refused() -> None:
    desk = Desk().ready(5_000)
    order = desk.submit()
    desk.move(order.client_order_id, OrderState.EXPIRED)
    desk.deliver()
    assert desk.decide() == []
    desk.pass_time(50 * MS / MS)
    desk.submit()
