"""The LP's turn: look at the chain, tell what we own, decide, act. One coroutine, one turn at a time."""

from collections.abc import Callable

import msgspec

from common.amm.pool_state import PoolState
from common.chain.heads import BlockUndone, FollowingRestarted, HeadFollower
from common.messages import LpRebalanced, Message
from common.runtime.logging import Log
from common.strategy.lp_book import MINTING, LpBook
from common.strategy.lp_gain import FeeRate
from common.strategy.lp_guard import Alarm
from common.strategy.lp_keeper import CollectFees, MoveRanges
from common.strategy.lp_plan import MovePlan
from common.strategy.lp_pool import PoolView
from common.strategy.lp_records import (
    CLOSE,
    COLLECT,
    DONE,
    OPEN,
    REBALANCE,
    Anchored,
    CommandTaken,
    ReferenceSet,
    SagaBegun,
    SagaEnded,
    StepEnded,
    SwapRefused,
)
from common.strategy.lp_saga import Act, Finish, RefuseSwap, Wait, next_move, plan
from common.strategy.lp_state import KeeperState, Observation
from common.strategy.lp_triggers import OPEN as TRIGGER_OPEN
from services.defi_lp.actor import Actor, SagaJournal
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.connection import Connection
from services.defi_lp.desk import Desk
from services.defi_lp.mid import MidWatch
from services.defi_lp.performance import Performance
from services.defi_lp.planning import Planner
from services.defi_lp.publication import SECOND_NS, WEI_PER_ETHER, Publication
from services.defi_lp.reading import Reader, Reading
from services.defi_lp.settling import purse_of, settlement_of
from services.defi_lp.watch import Watch

Publish = Callable[[Message], None]
WEI_PER_GWEI = 10**9
OPERATOR = "operator"
"""Trigger of what a command asked for."""

DOINGS = {
    "move": "moving", "collect": "collecting", "approve": "approving", "withdraw": "withdrawing", "swap": "swapping",
    "mint": "minting", "revoke": "revoking",
}  # fmt: skip


class Keeping:
    """The running LP. `turn` raises PeerUnavailable, OutcomeUnknown and RequestRefused; the next turn makes it good."""

    def __init__(
        self, config: DefiLpConfig, at: Connection, journal: SagaJournal, book: LpBook, publication: Publication,
        performance: Performance, mid: MidWatch, publish: Publish, log: Log,
    ) -> None:  # fmt: skip
        self.reading: Reading | None = None
        self.held = ""
        self._waits_for_gas = False
        self.undone_blocks = 0
        self.book = book
        self.planner = Planner(config, at.venue, at.wallet.address)
        self.actor = Actor(at.writer, journal, at.venue, book, at.wallet.address)
        self.watch = Watch(at.node, at.venue.adapter, at.wallet.address, self.actor, config.saga, log)
        self._config = config
        self._keeper = self.planner.keeper
        self._follower = HeadFollower(at.node, at.venue.adapter.contracts, topics=at.venue.adapter.topics)
        self._reader = Reader(at.node, at.venue, at.wallet.address, config.twap_window_s)
        self._publication, self._mid, self._performance = publication, mid, performance
        self._publish, self._log = publish, log
        pools = at.venue.adapter.pools
        self._fees = {pool_id: FeeRate(pair, config.fee_window_s) for pool_id, pair in pools.items()}
        self._keeper_state = _recovered(book)
        self._awaited_block = 0
        self.desk = Desk(config, self.planner, self.actor, self.watch, publication)
        self._untold: list[StepEnded] = []
        self._untold_sagas: list[SagaEnded] = []

    async def turn(self, now_ns: int) -> None:
        """Everything that is due now."""
        events = await self._follower.poll()
        undone = [event for event in events if isinstance(event, BlockUndone)]
        if undone or any(isinstance(event, FollowingRestarted) for event in events):
            self._awaited_block = 0  # Whatever we waited for may never come back.
        if undone:
            self.undone_blocks += len(undone)
            self._log.warning("chain.undone", blocks=len(undone), down_to=undone[-1].head.number)
        ended = await self.actor.look()
        if undone or self.reading is None or any(isinstance(event, FollowingRestarted) for event in events):
            ended += await self.actor.forget([end.step for end in self.book.mined])
        for end in ended:
            self._take_end(end)
        head = self._follower.known.tip
        if head is None:
            return
        if events or ended or self.reading is None:
            self.reading = await self._reader.read(head, self.book.range_keys)
            for pool in self.reading.pools:
                self._fees[pool.pool_id].add(head.timestamp_s * SECOND_NS, pool.growth)
            self._anchor(self.reading, now_ns)
            if self._is_caught_up:
                await self.watch.look(self.reading, now_ns)
        if self._is_caught_up:
            self._finish(self.reading, now_ns)
            self._look_at_gas(self.reading)
            self.desk.answer(self.reading, now_ns)
            self._performance.take(self.reading, self.book, self._mid.mid(now_ns), now_ns)
        self._tell(self.reading, now_ns)
        # While our own newest step is mined but not yet in what we have read, deciding might repeat it.
        if self._is_caught_up and not self.alarm:
            await self._keep(self.reading, now_ns)

    @property
    def alarm(self) -> Alarm | None:
        """Why nothing is sent, or None."""
        if self.book.halt:
            return Alarm(self.book.halt.reason, self.book.halt.detail)
        return self.watch.gas_alarm

    def reference(self, delta: float) -> float:
        """Base that we want to own: configured, else as it was when this LP began, else what it is now."""
        if self._config.reference_base is not None:
            return self._config.reference_base
        return self.book.reference if self.book.reference is not None else delta

    @property
    def state(self) -> str:
        """One word for people: idle, opening, active, closing, waiting_for_gas or halted."""
        if self.alarm:
            return "halted"
        if self._waits_for_gas:
            return "waiting_for_gas"
        saga, has_ranges = self.book.active, bool(self.reading and self.reading.holdings.ranges)
        if saga:
            return {OPEN: "opening", CLOSE: "closing"}.get(saga.begun.intent, "active")
        return "active" if has_ranges else "idle"

    @property
    def doing(self) -> str:
        """What is under way in detail, or `out_of_range`; "" = nothing."""
        if saga := self.book.active:
            return DOINGS[saga.pending.kind] if saga.pending else "planning"
        holdings = self.reading.holdings if self.reading else None
        bounds = holdings.price_bounds if holdings else None
        # Between the two ranges of a pair nothing is active, and everything is as it should be.
        is_out = holdings and bounds and not bounds[0] <= holdings.price <= bounds[1]
        return "out_of_range" if is_out else ""

    def observe(self, reading: Reading, now_ns: int) -> Observation:
        """What the keeper's rules look at."""
        gas_price = reading.head.base_fee + self._config.gas.tip_wei
        unit = gas_price / WEI_PER_ETHER * reading.holdings.price
        return Observation(
            holdings=reading.holdings, mid=self._mid.mid(now_ns), sigma=self._mid.sigma,
            reference=self.reference(reading.holdings.delta), pools=tuple(self._view(each) for each in reading.pools),
            move_cost=self._config.move_gas * unit, collect_cost=self._config.collect_gas * unit,
            swap_cost=self._config.plan.swap.gas * unit, gas_price_gwei=gas_price / WEI_PER_GWEI,
        )  # fmt: skip

    def destination(self, seen: Observation, now_ns: int) -> PoolView:
        """The pool that a move would mint in if it began now."""
        return self._keeper.destination(self._keeper_state, seen, now_ns)

    def _view(self, pool: PoolState) -> PoolView:
        fees, facts = self._fees[pool.pool_id], msgspec.structs.asdict(pool)
        return PoolView(**facts, fee_rate=fees.quote_per_second(pool.price), measured_s=fees.measured_s)

    @property
    def _is_caught_up(self) -> bool:
        return self.reading is not None and self.reading.head.number >= self._awaited_block

    def _finish(self, reading: Reading, now_ns: int) -> None:
        """End the saga under way if the chain says that it is over: it is told with the inventory that shows it."""
        saga = self.book.active
        if saga is None:
            return
        seen = self.observe(reading, now_ns)
        following = next_move(saga, self.planner.draw(reading, seen, saga).view, now_ns, self._config.saga)
        if isinstance(following, Finish):
            self._end_saga(saga.begun, following, reading, now_ns)

    def _look_at_gas(self, reading: Reading) -> None:
        """A wallet that never acted waits for its first money; one with nothing to do needs none."""
        closing = not self.book.wants_open
        busy = self.book.active is not None or bool(reading.holdings.ranges) or not closing
        needed = self.planner.gas_needed_wei(reading, closing) if busy and self.book.step_count else 0
        self.watch.look_at_gas(reading, needed)

    def _tell(self, reading: Reading, now_ns: int) -> None:
        """Publish news at once, and no news each `keepalive_s`: a silent LP is a dead one."""
        reference = self.reference(reading.holdings.delta)
        halted = self.alarm.reason if self.alarm else ""
        message = self._publication.draft(
            reading, self.book, reference, now_ns, self.state, self.doing, halted, self._performance.wealth
        )  # fmt: skip
        if self._publication.is_due(message, self._config.keepalive_s):
            self._publication.last = message
            self._publish(message)
        if performance := self._performance.news():
            self._publish(performance)
        for end in self._untold:
            self._publish(self._rebalanced(end, reading))
        for saga in self._untold_sagas:
            self._publish(self._publication.saga_ended(self.book.sagas[saga.saga], saga))
        self._untold.clear()
        self._untold_sagas.clear()

    async def _keep(self, reading: Reading, now_ns: int) -> None:
        """Decide whether a saga begins, and carry out at most one step of the one under way."""
        if reading.holdings.ranges:
            self._set_reference(reading)
        seen = self.observe(reading, now_ns)
        if self.book.active is None:
            self._begin(reading, seen, now_ns)
        saga = self.book.active
        if saga is None:
            return
        drawn = self.planner.draw(reading, seen, saga)
        following = next_move(saga, drawn.view, now_ns, self._config.saga)
        if isinstance(following, Wait):
            self._hold(following.reason, for_gas=following.reason == drawn.view.gas_gate)
        elif isinstance(following, RefuseSwap):
            self._log.warning("lp.swap_refused", saga=saga.begun.saga, reason=following.reason)
            self.actor.note(SwapRefused(saga=saga.begun.saga, reason=following.reason))
        elif isinstance(following, Finish):
            self._end_saga(saga.begun, following, reading, now_ns)
        else:
            self._hold("")
            call = self.planner.call(following, drawn, reading, seen, now_ns)
            self._say_step(saga.begun, following, drawn.plan, reading)
            end = await self.actor.act(saga.begun.saga, following.kind, following.subject, call)
            if end:
                self._take_end(end)

    def _begin(self, reading: Reading, seen: Observation, now_ns: int) -> None:
        """Begin the saga that is due, if any is: what a command asked for before what the rules say."""
        if not self.book.wants_open:
            self._keeper_state = msgspec.structs.replace(self._keeper_state, busy=False)
            self._hold("")
            if not self.planner.is_closed(reading):
                self._begin_saga(CLOSE, OPERATOR, reading, seen, now_ns, self._command_of("close"))
            return
        wanted = self.book.wanted
        if wanted and reading.holdings.ranges and self._begin_wanted(wanted, reading, seen, now_ns):
            return
        state = msgspec.structs.replace(self._keeper_state, busy=False)
        decision = self._keeper.decide(state, seen, now_ns)
        gas_gate = self.planner.gas_gate(reading) if decision.action else ""
        waits = decision.held is not None and decision.held.waits_for_gas
        self._hold(gas_gate or decision.reason, for_gas=bool(gas_gate) or waits)
        if gas_gate:
            return  # The trigger is not used up: it waits for cheaper gas.
        if decision.action and not self.book.step_count and (short := self.planner.first_money_missing(reading)):
            self._hold(short)
            return
        self._keeper_state = decision.state
        if isinstance(decision.action, CollectFees):
            self._begin_saga(COLLECT, COLLECT, reading, seen, now_ns)
        elif isinstance(decision.action, MoveRanges):
            intent = OPEN if decision.action.trigger == TRIGGER_OPEN else REBALANCE
            command = self._command_of("open") if intent == OPEN else ""
            self._begin_saga(intent, decision.action.trigger, reading, seen, now_ns, command, decision.action.plan)

    def _begin_wanted(self, wanted: CommandTaken, reading: Reading, seen: Observation, now_ns: int) -> bool:
        """An operator's collect or rebalance: it need not pay, but prices must agree."""
        drawn = self.planner.draw(reading, seen, intent=wanted.action, pool=self.destination(seen, now_ns))
        gate = drawn.view.gas_gate or (drawn.view.price_gate if wanted.action == REBALANCE else "")
        if gate:
            self._hold(f"{OPERATOR}: {gate}", for_gas=bool(drawn.view.gas_gate))
            return False
        self._begin_saga(wanted.action, OPERATOR, reading, seen, now_ns, wanted.command_id, drawn.plan)
        return True

    def _begin_saga(
        self, intent: str, trigger: str, reading: Reading, seen: Observation, now_ns: int,
        command_id: str = "", move: MovePlan | None = None,
    ) -> None:  # fmt: skip
        if intent in (OPEN, REBALANCE):
            self._set_reference(reading)
        swaps, fee_ppm = move is not None and move.swap is not None, move.pair.fee_ppm if move else 0
        view = self.planner.draw(reading, seen, intent=intent, pool=seen.pool(fee_ppm)).view
        begun = SagaBegun(
            saga=len(self.book.sagas) + 1, intent=intent, trigger=trigger, steps=plan(intent, view, swaps),
            purse=purse_of(reading), time_ns=now_ns, swaps=swaps, command_id=command_id, fee_ppm=fee_ppm,
        )  # fmt: skip
        self.actor.note(begun)
        self._log.info("lp.saga", saga=begun.saga, intent=intent, trigger=trigger, steps=",".join(begun.steps))

    def _end_saga(self, begun: SagaBegun, finish: Finish, reading: Reading, now_ns: int) -> None:
        saga = self.book.sagas[begun.saga]
        settlement = settlement_of(saga, reading, self._follower.known, self.actor)
        end = SagaEnded(
            saga=begun.saga, outcome=finish.outcome, time_ns=now_ns, reason=finish.reason, settlement=settlement
        )
        self.actor.note(end)
        self._untold_sagas.append(end)
        done = finish.outcome == DONE
        say = self._log.info if done else self._log.warning
        base, quote = settlement.unexplained.pair
        say(
            f"lp.saga.{finish.outcome}", saga=begun.saga, intent=begun.intent, trigger=begun.trigger,
            reason=finish.reason, gas_wei=settlement.gains.gas_wei, unexplained_base=base, unexplained_quote=quote,
        )  # fmt: skip
        if not done:
            self._keeper_state = self._keeper.failed(self._keeper_state, now_ns)
        elif begun.intent == COLLECT:
            self._keeper_state = self._keeper.collected(self._keeper_state, now_ns)

    def _command_of(self, action: str) -> str:
        """The newest open command of this kind, which the saga that fulfils it names."""
        return next((each.command_id for each in reversed(self.book.open_commands) if each.action == action), "")

    def _say_step(self, begun: SagaBegun, act: Act, drawn: MovePlan | None, reading: Reading) -> None:
        """What it will really get, after alignment, before anything is sent."""
        if drawn is None or act.kind not in MINTING:
            self._log.info(f"lp.{act.kind}", saga=begun.saga, intent=begun.intent, subject=act.subject)
            return
        target, pair = drawn.target, drawn.pair
        base, quote = drawn.deposits(pair)
        self._log.info(
            f"lp.{act.kind}", saga=begun.saga, trigger=begun.trigger, price=round(reading.holdings.price, 4),
            asked_lower=round(target.price_lower_asked, 2), asked_upper=round(target.price_upper_asked, 2),
            lower=round(target.price_lower, 2), upper=round(target.price_upper, 2),
            burns=len(drawn.burns), mints=len(drawn.mints),
            base=round(pair.whole_base(base), 6), quote=round(pair.whole_quote(quote), 2),
        )  # fmt: skip

    def _take_end(self, end: StepEnded) -> None:
        """What became of a step, for people and for whoever follows the ranges."""
        begun, saga = self.book.begun(end.step), self.book.saga_of(end.step)
        self._awaited_block = max(self._awaited_block, end.block_number)
        say = self._log.info if end.succeeded else self._log.warning
        say(
            f"lp.{begun.kind}.{'done' if end.succeeded else 'failed'}", saga=begun.saga, trigger=saga.begun.trigger,
            reason=end.reason, tx=end.transaction_hash, block=end.block_number, gas_wei=end.gains.gas_wei,
        )  # fmt: skip
        if end.succeeded and begun.kind in MINTING:
            self._untold.append(end)

    def _anchor(self, reading: Reading, now_ns: int) -> None:
        """After a move: remember where we stand, on the first reading that contains it."""
        end = self.book.unanchored
        if end is None or reading.head.number < end.block_number:
            return
        sigma = self._mid.sigma
        self.actor.note(Anchored(step=end.step, delta=reading.holdings.delta, time_ns=now_ns, sigma=sigma))
        self._keeper_state = self._keeper.completed(reading.holdings, now_ns, sigma)

    def _set_reference(self, reading: Reading) -> None:
        if self.book.reference is None:
            self.actor.note(ReferenceSet(base=reading.holdings.delta))

    def _hold(self, held: str, for_gas: bool = False) -> None:
        if held and held != self.held:
            self._log.info("lp.held", reason=held)
        self.held, self._waits_for_gas = held, bool(held) and for_gas

    def _rebalanced(self, end: StepEnded, reading: Reading) -> LpRebalanced:
        low, high = reading.holdings.price_bounds or (0.0, 0.0)
        last = self._publication.last
        assert last is not None, "the inventory is told before the move"
        return LpRebalanced(
            chain=last.chain, pool=last.pool, trigger=self.book.saga_of(end.step).begun.trigger,
            transaction_hash=end.transaction_hash, block_number=end.block_number,
            price=reading.holdings.price, price_lower=low, price_upper=high,
            gas_native=int(end.gains.gas_wei) / WEI_PER_ETHER,
        )  # fmt: skip


def _recovered(book: LpBook) -> KeeperState:
    """The keeper as the last life left it. What was used up then is armed again: the interval still protects."""
    if book.anchor is None:
        return KeeperState()
    at = book.anchor
    return KeeperState(
        anchor_delta=at.delta, anchor_sigma=at.sigma, anchored_ns=at.time_ns, collected_ns=at.time_ns
    )  # fmt: skip
