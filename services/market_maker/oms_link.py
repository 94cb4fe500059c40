"""The way to the oms and back: commands out, answers and facts in, nothing lost in between."""

from collections.abc import Callable
from functools import partial

from common.bus import Bus
from common.messages import (
    FillsListed,
    Header,
    KillStateChanged,
    ListFills,
    Message,
    OrderChanged,
    OrderFilled,
    Rejected,
    SubmitOrder,
)
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.model.instrument import Instrument
from common.runtime.clock import Clock
from common.runtime.logging import Log
from common.strategy.hedged_quotes import Command, cancel_refused, order_changed, submit_refused
from common.strategy.quote_state import QuoteState

OMS = "oms"
OMS_UNAVAILABLE = "oms_unavailable"
FILLS_PAGE = 1_000

Reply = Message | PeerUnavailable | OutcomeUnknown


class OmsLink:
    """Keeps `state` in step with the oms. `on_news` is called after each piece of news that may change the decision."""

    def __init__(
        self, state: QuoteState, strategy: str, instrument: Instrument, bus: Bus, clock: Clock, log: Log,
        timeout_s: float, on_news: Callable[[], None],
    ) -> None:  # fmt: skip
        self._state, self._strategy, self._bus, self._clock, self._log = state, strategy, bus, clock, log
        self._venue, self._symbol = instrument.venue, instrument.symbol
        self._timeout_s, self._on_news = timeout_s, on_news
        self._asking = False
        bus.connect(OMS)
        self._replica = bus.follow(OMS, ["order.", "fill.", "kill."], self._on_fact, self._on_snapshot)

    def refresh(self) -> None:
        """Note how alive the oms is, and ask for fills that are missing."""
        state = self._state
        state.oms_silence_s = self._bus.silence_s(OMS)
        state.oms_synced = self._replica.live
        if (state.needs_fills or state.orders.unheard) and state.oms_synced:
            self._ask_fills()

    def send(self, command: Command) -> None:
        """Let a command leave; its answer changes the state later."""
        client_order_id = command.client_order_id
        is_submit = isinstance(command, SubmitOrder)
        on_reply = partial(self._on_submitted if is_submit else self._on_canceled, client_order_id)
        self._bus.send(OMS, command, on_reply, self._timeout_s, client_order_id)

    def _on_snapshot(self, facts: list[Message]) -> None:
        """Everything anew: what the oms lists is live, what it does not list is in doubt, what it lists of an earlier
        life of ours is a leftover. Fills in between are asked for."""
        state = self._state
        state.oms_synced = True
        listed = [fact for fact in facts if isinstance(fact, OrderChanged) and self._is_ours(fact)]
        for order in listed:
            self._take(order)
        for missing in state.orders.missing_from(order.client_order_id for order in listed):
            state.orders.doubt(missing.client_order_id)
        for fact in facts:
            if isinstance(fact, KillStateChanged):
                state.killed = fact.engaged
        state.needs_fills = state.position.known
        self.refresh()
        self._on_news()

    def _on_fact(self, message: Message, _header: Header) -> None:
        match message:
            case OrderChanged():
                if self._is_ours(message) and self._take(message):
                    self._on_news()
            case OrderFilled():
                if self._count(message):
                    self._on_news()
            case KillStateChanged(engaged=engaged):
                self._state.killed = engaged
                self._on_news()

    def _is_ours(self, fact: OrderChanged) -> bool:
        return (fact.strategy, fact.venue, fact.symbol) == (self._strategy, self._venue, self._symbol)

    def _take(self, fact: OrderChanged) -> bool:
        """True when the fact ended one of our orders or brought back one that we had given up."""
        orders = self._state.orders
        if fact.client_order_id in orders.live or fact.client_order_id in orders.unheard:
            return order_changed(self._state, fact, self._clock.now_ns())
        if fact.state.is_final:
            return False
        orders.adopt(fact)
        self._log.warning("order.leftover", id=fact.client_order_id, side=fact.side, state=fact.state)
        return True

    def _count(self, fill: OrderFilled) -> bool:
        here = (fill.venue, fill.symbol) == (self._venue, self._symbol)
        return self._state.fill(fill, self._clock.now_ns(), here) and here

    def _on_submitted(self, client_order_id: str, reply: Reply) -> None:
        now_ns = self._clock.now_ns()
        match reply:
            case OrderChanged():
                order_changed(self._state, reply, now_ns)
                return
            case Rejected(code=code, detail=detail):
                self._log.warning("quote.refused", id=client_order_id, code=code, detail=detail)
                submit_refused(self._state, client_order_id, code, now_ns)
            case PeerUnavailable():
                self._log.warning("quote.not_sent", id=client_order_id, detail=str(reply))
                submit_refused(self._state, client_order_id, OMS_UNAVAILABLE, now_ns)
            case _:
                self._log.error("quote.unknown", id=client_order_id, detail=str(reply))
                self._state.orders.doubt(client_order_id)
        self._on_news()

    def _on_canceled(self, client_order_id: str, reply: Reply) -> None:
        now_ns = self._clock.now_ns()
        match reply:
            case OrderChanged():
                ended = order_changed(self._state, reply, now_ns)
            case Rejected(code=code, detail=detail):
                self._log.warning("cancel.refused", id=client_order_id, code=code, detail=detail)
                ended = cancel_refused(self._state, client_order_id, code, now_ns)
            case _:
                self._log.warning("cancel.unanswered", id=client_order_id, detail=str(reply))
                return
        if ended:
            self._on_news()

    def _ask_fills(self) -> None:
        if not self._asking:
            self._asking = True
            question = ListFills(after_sequence=self._state.position.heard_through, limit=FILLS_PAGE)
            self._bus.send(OMS, question, self._on_fills, self._timeout_s)

    def _on_fills(self, reply: Reply) -> None:
        self._asking = False
        if not isinstance(reply, FillsListed):
            return  # Asked again by the next refresh.
        for fill in reply.fills:
            self._count(fill)
        self._state.needs_fills = self._state.position.heard_through < reply.last_sequence
        self._on_news()
