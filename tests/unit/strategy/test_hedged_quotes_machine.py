"""Whatever arrives in whatever order: never crossing, never more than the need, one order a side, pulled when blind."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from common.messages import SubmitOrder
from common.model.order import OrderState, Side
from common.strategy.hedged_quotes import WOULD_TAKE, submit_refused
from tests.unit.strategy.hedged_quotes_desk import MS, RULES, Desk


class QuoteMachine(RuleBasedStateMachine):
    """The desk with a venue, an oms and a position server that answer late, partly, or not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()

    def act(self) -> None:
        """Decide, and hold every command against the truth as it was before it left."""
        desk = self.desk
        live = {side: desk.live_orders(side) for side in Side}
        worst = {side: desk.worst_lots(side) for side in Side}
        commands = desk.decide()
        for command in commands:
            if not isinstance(command, SubmitOrder):
                continue
            assert desk.state.reason == ""
            book, side = desk.state.book, command.side
            assert book is not None
            assert command.post_only
            if side is Side.BUY:
                assert command.price_ticks < book.asks[0][0]
            else:
                assert command.price_ticks > book.bids[0][0]
            assert live[side] == 0, "a second order of one side"
            assert worst[side] == 0
            need = (desk.target_lots - desk.position_lots) * side.sign
            assert RULES.quantity_min_lots // 2 <= command.quantity_lots <= need
            for other in desk.orders.values():
                if other.command.side is side.opposite and not other.state.is_final:
                    assert (other.command.price_ticks - command.price_ticks) * side.sign > 0, "would trade with itself"
        if desk.state.reason:
            assert all(
                desk.now_ns - order.cancel_sent_ns < RULES.cancel_retry_ns for order in desk.state.orders.live.values()
            )

    def ids(self, *states: OrderState) -> list[str]:
        return [name for name, order in self.desk.orders.items() if order.state in states]

    @rule(bid=st.integers(268_000, 268_800), spread=st.integers(0, 60), lots=st.integers(1, 90_000))
    def book(self, bid: int, spread: int, lots: int) -> None:
        self.desk.show_book(bid, bid + spread, lots)
        self.act()

    @rule(lots=st.integers(-30_000, 30_000), complete=st.sampled_from((True, True, True, False)))
    def exposure(self, lots: int, complete: bool) -> None:
        self.desk.show_exposure(lots, complete)
        self.act()

    @rule(behind=st.integers(0, 3))
    def position(self, behind: int) -> None:
        self.desk.show_position(behind)
        self.act()

    @rule()
    def list_fills(self) -> None:
        self.desk.list_fills()
        self.act()

    @rule(ms=st.sampled_from((1, 20, 60, 310, 700, 1_600)))
    def time(self, ms: int) -> None:
        self.desk.pass_time(ms)
        self.act()

    @rule()
    def freshen(self) -> None:
        self.desk.refresh()
        self.act()

    @rule()
    def deliver_one(self) -> None:
        if self.desk.news:
            self.desk.news.popleft()()
        self.act()

    @rule()
    def deliver_all(self) -> None:
        self.desk.deliver()
        self.act()

    @rule(data=st.data(), answer=st.sampled_from((OrderState.OPEN, OrderState.OPEN, OrderState.UNKNOWN)))
    @precondition(lambda self: self.ids(OrderState.PENDING, OrderState.UNKNOWN))
    def answer(self, data: st.DataObject, answer: OrderState) -> None:
        self.desk.move(data.draw(st.sampled_from(self.ids(OrderState.PENDING, OrderState.UNKNOWN))), answer)

    @rule(data=st.data(), code=st.sampled_from((WOULD_TAKE, "position_limit")), by_reply=st.booleans())
    @precondition(lambda self: self.ids(OrderState.PENDING))
    def refuse(self, data: st.DataObject, code: str, by_reply: bool) -> None:
        name = data.draw(st.sampled_from(self.ids(OrderState.PENDING)))
        if by_reply:
            self.desk.orders[name].state = OrderState.REJECTED
            submit_refused(self.desk.state, name, code, self.desk.now_ns)
        else:
            self.desk.move(name, OrderState.REJECTED, code)

    @rule(data=st.data())
    @precondition(lambda self: self.ids(OrderState.PENDING))
    def lose_answer(self, data: st.DataObject) -> None:
        self.desk.state.orders.doubt(data.draw(st.sampled_from(self.ids(OrderState.PENDING))))
        self.act()

    @rule(data=st.data(), share=st.integers(1, 4), tell_fill=st.sampled_from((True, True, True, False)))
    @precondition(lambda self: self.ids(OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.PENDING))
    def trade(self, data: st.DataObject, share: int, tell_fill: bool) -> None:
        states = (OrderState.OPEN, OrderState.PARTIALLY_FILLED, OrderState.PENDING)
        name = data.draw(st.sampled_from(self.ids(*states)))
        worst = self.desk.orders[name].worst_lots
        self.desk.fill(name, max(worst * share // 4, 1), tell_fill)

    @rule(data=st.data())
    @precondition(lambda self: self.desk.canceling)
    def carry_out_cancel(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.desk.canceling))
        self.desk.canceling.remove(name)
        self.desk.finish_cancel(name)

    @rule(silence=st.sampled_from((0.1, 0.1, 2.5)), killed=st.sampled_from((False, False, True)))
    def oms(self, silence: float, killed: bool) -> None:
        self.desk.state.oms_silence_s, self.desk.state.killed = silence, killed
        self.act()

    @rule(state=st.sampled_from(("live", "live", "stale")))
    def feed(self, state: str) -> None:
        self.desk.state.feed_state = state
        self.act()

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.desk.state.orders.live) <= 2
        assert self.desk.now_ns < 2_000_000_000_000 * MS


QuoteMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestQuoteMachine = QuoteMachine.TestCase
