"""Passive quotes that bring the venue's position to the target that the LP's inventory asks for.

`decide` compares what we would show now with what is working, and moves an order only when that is worth its place in
the queue. An order is replaced in two steps: cancel, and a new one only when the oms calls the old one final. So each
side has at most one order, and the fills of everything that may still trade never exceed the need it was placed for.
"""

from collections.abc import Iterator
from functools import partial

from common.messages import CancelOrder, OrderChanged, SubmitOrder
from common.model.instrument import Instrument
from common.model.order import OrderState, Side
from common.strategy.quote_orders import QuoteOrder, is_recent
from common.strategy.quote_rules import QuoteRules
from common.strategy.quote_state import QuoteState
from common.strategy.quote_targets import BPS, Need, Quote, touch_of, wanted_quote

Command = SubmitOrder | CancelOrder
SIDES = (Side.BUY, Side.SELL)
WOULD_TAKE = "post_only_would_take"


class QuoteIdentity:
    """Under which names orders are sent."""

    def __init__(self, strategy: str, instrument: Instrument, ids: Iterator[str]) -> None:
        self._next_id = partial(next, ids)
        self._strategy, self._venue, self._symbol = strategy, instrument.venue, instrument.symbol

    def submit(self, side: Side, quote: Quote, expires_at_ns: int, trigger_received_ns: int) -> SubmitOrder:
        """A post-only limit order."""
        return SubmitOrder(
            client_order_id=self._next_id(), strategy=self._strategy, venue=self._venue, symbol=self._symbol,
            side=side, price_ticks=quote.price_ticks, quantity_lots=quote.quantity_lots,
            expires_at_ns=expires_at_ns, post_only=True, trigger_received_ns=trigger_received_ns,
        )  # fmt: skip

    def cancel(self, order: QuoteOrder) -> CancelOrder:
        """The cancel of one order."""
        return CancelOrder(client_order_id=order.client_order_id, venue=self._venue, symbol=self._symbol)


def decide(state: QuoteState, identity: QuoteIdentity, now_ns: int, trigger_received_ns: int = 0) -> list[Command]:
    """Commands that lead from what is working to what is wanted. Counts them in `state` as sent.

    `trigger_received_ns` is the edge time of the news that led here, 0 for a timer or an answer to our own command.
    """
    state.reason = state.blocked_by(now_ns)
    if state.reason:
        state.hedge_side = None
        return [_cancel(identity, order, now_ns) for order in _cancelable(state, now_ns)]
    return _requote(state, identity, now_ns, trigger_received_ns)


def _requote(state: QuoteState, identity: QuoteIdentity, now_ns: int, trigger_received_ns: int) -> list[Command]:
    rules, commands = state.rules, list[Command]()
    _see_touch(state, now_ns)
    need = _need(state)
    assert state.touch is not None
    for side in SIDES:
        depth = state.bid_depth_lots if side is Side.BUY else state.ask_depth_lots
        wanted = wanted_quote(rules, state.line, state.touch, side, need, depth)
        orders = state.orders.on_side(side)
        if not orders:
            if wanted and not _is_paused(state, side, now_ns) and not _meets_own(state, side, wanted):
                command = identity.submit(side, wanted, now_ns + rules.order_life_ns, trigger_received_ns)
                state.orders.add(command, now_ns)
                commands.append(command)
            continue
        for order in orders:
            moves = order.is_doubtful or wanted is None or _is_worth_moving(state, order, wanted, need, now_ns)
            if moves and _may_cancel(rules, order, now_ns):
                commands.append(_cancel(identity, order, now_ns))
    return commands


def _see_touch(state: QuoteState, now_ns: int) -> None:
    """Best prices without our own orders, and the depth there, smoothed over time."""
    book = state.book
    assert book is not None
    orders, echo_ns = state.orders, state.rules.echo_ns
    touch = touch_of(
        book, orders.shown_levels(Side.BUY, now_ns, echo_ns), orders.shown_levels(Side.SELL, now_ns, echo_ns)
    )
    elapsed_ns = book.received_ns - state.depth_seen_ns
    if elapsed_ns > 0:
        weight = elapsed_ns / (state.rules.depth_memory_ns + elapsed_ns) if state.depth_seen_ns else 1.0
        state.bid_depth_lots += weight * (touch.bid_depth_lots - state.bid_depth_lots)
        state.ask_depth_lots += weight * (touch.ask_depth_lots - state.ask_depth_lots)
        state.depth_seen_ns = book.received_ns
    state.touch = touch


def _need(state: QuoteState) -> Need:
    """Target less position on both sides; an open need is followed down to half of the dead band that it had to leave.

    A fill that the oms counts but whose news is missing may or may not be in the position: each side assumes the worse.
    """
    held, target = state.position.lots, state.target_lots
    buy_lots = target - held - state.orders.unheard_lots(Side.BUY)
    sell_lots = held - state.orders.unheard_lots(Side.SELL) - target
    lots, side = max((buy_lots, Side.BUY), (sell_lots, Side.SELL))
    band = state.rules.quantity_min_lots
    if state.hedge_side is side:
        band = max(band // 2, 1)
    state.hedge_side = side if lots >= band else None
    return Need(buy_lots, sell_lots, band)


def _is_worth_moving(state: QuoteState, order: QuoteOrder, wanted: Quote, need: Need, now_ns: int) -> bool:
    rules = state.rules
    need_lots = need.lots(order.side)
    allowed = need_lots if need_lots >= need.band_lots else wanted.quantity_lots
    surplus = order.remaining_lots - allowed
    if surplus > max(rules.requote_fraction * allowed, rules.quantity_min_lots):
        return True  # It could carry us past the target: that does not wait for its age.
    if is_recent(order.sent_ns, now_ns, rules.order_age_ns_min):
        return False
    assert state.touch is not None
    if abs(order.price_ticks - wanted.price_ticks) > rules.requote_bps * state.touch.mid / BPS:
        return True
    missing = wanted.quantity_lots - order.remaining_lots
    return missing > max(rules.requote_fraction * wanted.quantity_lots, rules.quantity_min_lots)


def _is_paused(state: QuoteState, side: Side, now_ns: int) -> bool:
    """After a refusal; a pause longer than any that we make comes from a clock that was set back, and is over."""
    longest_ns = max(state.rules.reject_backoff_ns_max, state.rules.post_only_backoff_ns)
    return 0 < state.backoffs[side].until_ns - now_ns <= longest_ns


def _meets_own(state: QuoteState, side: Side, wanted: Quote) -> bool:
    """An order of ours on the other side, perhaps on its way off, would trade with this one."""
    return any(
        (wanted.price_ticks - order.price_ticks) * side.sign >= 0 for order in state.orders.on_side(side.opposite)
    )


def _cancelable(state: QuoteState, now_ns: int) -> list[QuoteOrder]:
    return [order for order in state.orders.live.values() if _may_cancel(state.rules, order, now_ns)]


def _may_cancel(rules: QuoteRules, order: QuoteOrder, now_ns: int) -> bool:
    return not is_recent(order.cancel_sent_ns, now_ns, rules.cancel_retry_ns)


def _cancel(identity: QuoteIdentity, order: QuoteOrder, now_ns: int) -> CancelOrder:
    order.cancel_sent_ns = now_ns
    return identity.cancel(order)


def order_changed(state: QuoteState, fact: OrderChanged, now_ns: int) -> bool:
    """Take in the oms's word on an order; true if one of ours ended."""
    ended = state.orders.change(fact, now_ns)
    if ended is None:
        return False
    if ended.state is OrderState.REJECTED:
        refused(state, ended.side, fact.reason_code, now_ns)
    elif ended.state is OrderState.EXPIRED and not ended.told_lots:
        # Some venues answer a post-only order that would take with "expired" instead of a refusal.
        refused(state, ended.side, WOULD_TAKE, now_ns)
    else:
        state.backoffs[ended.side].next_ns = 0
    return True


def refused(state: QuoteState, side: Side, code: str, now_ns: int) -> None:
    """An order was refused: wait before the next one of its side, longer each time, except when it only came too late
    for the price."""
    rules, backoff = state.rules, state.backoffs[side]
    if code == WOULD_TAKE:
        backoff.until_ns = now_ns + rules.post_only_backoff_ns
        return
    pause_ns = backoff.next_ns or rules.reject_backoff_ns
    backoff.until_ns = now_ns + pause_ns
    backoff.next_ns = min(2 * pause_ns, rules.reject_backoff_ns_max)


def submit_refused(state: QuoteState, client_order_id: str, code: str, now_ns: int) -> None:
    """The oms refused the command, or it never left: the order does not exist."""
    if (order := state.orders.live.get(client_order_id)) is not None:
        state.orders.drop(client_order_id, now_ns)
        refused(state, order.side, code, now_ns)


def cancel_refused(state: QuoteState, client_order_id: str, code: str, now_ns: int) -> bool:
    """The oms does not know the order; true once that proves that the order does not exist.

    Before its command has expired the command may still be on its way.
    """
    order = state.orders.live.get(client_order_id)
    if order is None or code != "unknown_order":
        return False
    if now_ns < order.sent_ns + state.rules.order_life_ns + state.rules.unknown_grace_ns:
        return False
    state.orders.drop(client_order_id, now_ns)
    return True
