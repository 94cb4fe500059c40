"""Orders collect facts: any permutation and repetition of the same reports ends in the same order."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.model.errors import TransitionInvalid
from common.model.order import OrderState, Side
from common.model.order_life import OrderLife, apply_absence, apply_fill, apply_report

QUANTITY = 10
ORDER = OrderLife(
    client_order_id="cw-mm-1-1", strategy="mm", venue="v", symbol="s", side=Side.BUY, price_ticks=100,
    quantity_lots=QUANTITY, trigger_received_ns=1_000, created_ns=1, changed_ns=1,
)  # fmt: skip

Report = tuple[OrderState, int]


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Report], list[int], OrderState]:
    """What a venue can truthfully say of one order: its reports, its trades, and how the order really stands."""
    if draw(st.booleans()) and draw(st.booleans()):
        return [(OrderState.UNKNOWN, 0), (OrderState.REJECTED, 0)], [], OrderState.REJECTED
    trades = draw(st.lists(st.integers(1, 4), max_size=5).filter(lambda lots: sum(lots) <= QUANTITY))
    reports: list[Report] = [(OrderState.OPEN, 0)]
    filled = 0
    for lots in trades:
        filled += lots
        reports.append((OrderState.FILLED if filled == QUANTITY else OrderState.PARTIALLY_FILLED, filled))
    truth = reports[-1][0]
    if filled < QUANTITY and draw(st.booleans()):
        truth = draw(st.sampled_from([OrderState.CANCELED, OrderState.EXPIRED]))
        reports.append((truth, filled))
    if draw(st.booleans()):
        reports.append((OrderState.UNKNOWN, 0))
    return reports, trades, truth


def fold(order: OrderLife, facts: list[Report | int]) -> OrderLife:
    """Apply reports (state, cumulative) and trades (lots) in the given order."""
    for now_ns, fact in enumerate(facts, 10):
        if isinstance(fact, int):
            order = apply_fill(order, fact, now_ns)
        else:
            order = apply_report(order, state=fact[0], filled_lots=fact[1], now_ns=now_ns, sent_ns=5_000)
    return order


@given(histories(), st.data())
def test_any_order_and_repetition_of_reports_ends_in_the_truth(
    history: tuple[list[Report], list[int], OrderState], data: st.DataObject
) -> None:
    reports, trades, truth = history
    repeated = data.draw(st.lists(st.sampled_from(reports), max_size=4))
    facts = data.draw(st.permutations([*reports, *repeated, *trades]))
    order = fold(ORDER, facts)
    assert order.state is truth
    assert order.traded_lots == order.filled_lots == sum(trades)
    assert order.missing_lots == 0
    straight = fold(ORDER, [*reports, *trades])
    assert msgspec.structs.replace(order, changed_ns=0) == msgspec.structs.replace(straight, changed_ns=0)


@given(histories(), st.data())
def test_a_final_order_never_comes_back_unless_it_was_rejected(
    history: tuple[list[Report], list[int], OrderState], data: st.DataObject
) -> None:
    reports, trades, _ = history
    order = ORDER
    for now_ns, fact in enumerate(data.draw(st.permutations([*reports, *trades])), 10):
        before = order.state
        order = fold(order, [fact])
        if before.is_final and before is not OrderState.REJECTED:
            assert order.state.is_final
        assert now_ns and 0 <= order.pending_lots <= QUANTITY


@given(histories())
def test_a_repeated_report_returns_the_very_same_order(history: tuple[list[Report], list[int], OrderState]) -> None:
    reports, _, _ = history
    order = fold(ORDER, list(reports))
    assert fold(order, list(reports)) is order


def test_fills_before_the_acknowledgement_open_the_order() -> None:
    order = apply_fill(ORDER, 3, 2)
    assert (order.state, order.filled_lots, order.pending_lots) == (OrderState.PARTIALLY_FILLED, 3, 7)


def test_lots_that_the_venue_counted_ahead_of_their_trades_are_missing_and_stay_pending_after_the_end() -> None:
    order = apply_report(ORDER, state=OrderState.CANCELED, filled_lots=4, now_ns=2)
    assert (order.state, order.filled_lots, order.missing_lots, order.pending_lots) == (OrderState.CANCELED, 4, 4, 4)
    order = apply_fill(order, 4, 3)
    assert (order.state, order.missing_lots, order.pending_lots) == (OrderState.CANCELED, 0, 0)


def test_a_late_fill_after_cancel_counts_and_may_fill_the_order() -> None:
    canceled = apply_report(ORDER, state=OrderState.CANCELED, filled_lots=0, now_ns=2)
    assert apply_fill(canceled, 4, 3).state is OrderState.CANCELED
    assert apply_fill(canceled, 10, 3).state is OrderState.FILLED


def test_surplus_trades_count_as_the_venue_did_them() -> None:
    order = apply_fill(ORDER, 12, 2)
    assert (order.state, order.traded_lots, order.pending_lots) == (OrderState.FILLED, 12, 0)


def test_proof_of_life_takes_a_rejection_back() -> None:
    rejected = apply_report(
        ORDER, state=OrderState.REJECTED, filled_lots=0, now_ns=2, reason_code="unknown_order", reason="?"
    )
    assert (rejected.state, rejected.reason_code) == (OrderState.REJECTED, "unknown_order")
    revived = apply_report(rejected, state=OrderState.OPEN, filled_lots=0, now_ns=3)
    assert (revived.state, revived.reason_code) == (OrderState.OPEN, "")
    assert apply_fill(rejected, 1, 3).state is OrderState.PARTIALLY_FILLED
    assert apply_report(revived, state=OrderState.REJECTED, filled_lots=0, now_ns=4) is revived


def test_absence_ends_an_order_by_what_the_venue_had_shown() -> None:
    assert (apply_absence(ORDER, 2).state, apply_absence(ORDER, 2).reason_code) == (
        OrderState.REJECTED,
        "unknown_order",
    )
    opened = apply_report(ORDER, state=OrderState.OPEN, filled_lots=0, now_ns=2)
    gone = apply_absence(opened, 3)
    assert (gone.state, gone.reason_code) == (OrderState.CANCELED, "lost_at_venue")
    assert apply_absence(gone, 4) is gone


@pytest.mark.parametrize(
    ("state", "filled_lots"),
    [
        (OrderState.OPEN, -1),
        (OrderState.PARTIALLY_FILLED, QUANTITY + 1),
        (OrderState.FILLED, QUANTITY - 1),
        (OrderState.REJECTED, 1),
    ],
)
def test_contradictions_are_refused(state: OrderState, filled_lots: int) -> None:
    with pytest.raises(TransitionInvalid, match="expected"):
        apply_report(ORDER, state=state, filled_lots=filled_lots, now_ns=2)


def test_a_trade_without_lots_is_refused() -> None:
    with pytest.raises(TransitionInvalid):
        apply_fill(ORDER, 0, 2)


def test_latency_is_the_first_sends_whichever_report_comes_first() -> None:
    late = apply_report(ORDER, state=OrderState.OPEN, filled_lots=0, now_ns=2, sent_ns=9_000)
    assert late.tick_to_order_us == 8.0
    assert apply_report(late, state=OrderState.OPEN, filled_lots=0, now_ns=3, sent_ns=3_000).tick_to_order_us == 2.0
    without = msgspec.structs.replace(ORDER, trigger_received_ns=0)
    assert apply_report(without, state=OrderState.OPEN, filled_lots=0, now_ns=2, sent_ns=9_000).tick_to_order_us == -1.0
