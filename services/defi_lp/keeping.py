"""The LP's turn: look at the chain, tell what we own, decide, act. One coroutine, one turn at a time."""

from collections.abc import Callable

import msgspec

from common.chain.clmm import Purpose
from common.chain.heads import BlockUndone, FollowingRestarted, HeadFollower
from common.messages import LpRebalanced, Message
from common.runtime.logging import Log
from common.strategy.lp_gain import FeeRate
from common.strategy.lp_keeper import COLLECT, CollectFees, Keeper, KeeperState, MoveRanges, Observation
from common.strategy.lp_plan import MovePlan
from services.defi_lp import records
from services.defi_lp.act_book import ActBook
from services.defi_lp.actor import ActJournal, Actor
from services.defi_lp.calls import collect_call, move_call
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.connection import Connection
from services.defi_lp.mid import MidWatch
from services.defi_lp.publication import SECOND_NS, WEI_PER_ETHER, Publication
from services.defi_lp.reading import Reader, Reading
from services.defi_lp.records import ActEnded, Anchored, ReferenceSet

Publish = Callable[[Message], None]


class Keeping:
    """The running LP. `turn` raises PeerUnavailable, OutcomeUnknown and RequestRefused; the next turn makes it good."""

    def __init__(
        self, config: DefiLpConfig, at: Connection, journal: ActJournal, book: ActBook, publication: Publication,
        mid: MidWatch, publish: Publish, log: Log,
    ) -> None:  # fmt: skip
        self.reading: Reading | None = None
        self.held = ""
        self.undone_blocks = 0
        self._config, self._venue, self._owner = config, at.venue, at.wallet.address
        self._keeper = Keeper(rules=config.keeper, model=config.model, plan=config.plan)
        self._follower = HeadFollower(at.node, at.venue.adapter.contracts)
        self._reader = Reader(at.node, at.venue, at.wallet.address, config.twap_window_s)
        self._actor = Actor(at.writer, journal, at.venue, book)
        self._book, self._publication, self._mid = book, publication, mid
        self._publish, self._log = publish, log
        self._fees = FeeRate(at.venue.adapter.pools[at.venue.home], config.fee_window_s)
        self._keeper_state = _recovered(book)
        self._awaited_block = 0
        self._untold: list[ActEnded] = []

    async def turn(self, now_ns: int) -> None:
        """Everything that is due now."""
        events = await self._follower.poll()
        undone = [event for event in events if isinstance(event, BlockUndone)]
        if undone or any(isinstance(event, FollowingRestarted) for event in events):
            self._awaited_block = 0  # Whatever we waited for may never come back.
        if undone:
            self.undone_blocks += len(undone)
            self._log.warning("chain.undone", blocks=len(undone), down_to=undone[-1].head.number)
        ended = await self._actor.look()
        for end in ended:
            self._take_end(end, now_ns)
        head = self._follower.known.tip
        if head is None:
            return
        if events or ended or self.reading is None:
            self.reading = await self._reader.read(head, self._book.range_keys)
            self._fees.add(head.timestamp_s * SECOND_NS, self.reading.growth)
            self._anchor(self.reading, now_ns)
        self._tell(self.reading, now_ns)
        # While our own newest act is mined but not yet in what we have read, deciding might repeat it.
        if self.reading.head.number >= self._awaited_block:
            await self._keep(self.reading, now_ns)

    def reference(self, delta: float) -> float:
        """Base that we want to own: configured, else as it was when this LP began, else what it is now."""
        if self._config.reference_base is not None:
            return self._config.reference_base
        return self._book.reference if self._book.reference is not None else delta

    @property
    def state(self) -> str:
        """One word for people: idle, opening, moving, collecting, approving, out_of_range or active."""
        holdings = self.reading.holdings if self.reading else None
        if self._book.pending:
            kind = self._book.pending[0].kind
            opening = kind == records.MOVE and not (holdings and holdings.ranges)
            return (
                "opening" if opening else {records.MOVE: "moving", records.COLLECT: "collecting"}.get(kind, "approving")
            )
        if holdings is None or not holdings.ranges:
            return "idle"
        return "active" if holdings.active_liquidity else "out_of_range"

    def _tell(self, reading: Reading, now_ns: int) -> None:
        """Publish news at once, and no news each `keepalive_s`: a silent LP is a dead one."""
        reference = self.reference(reading.holdings.delta)
        message = self._publication.draft(reading, self._book, reference, self.state, now_ns)
        if self._publication.is_due(message, self._config.keepalive_s):
            self._publication.last = message
            self._publish(message)
        for end in self._untold:
            self._publish(self._rebalanced(end, reading))
        self._untold.clear()

    async def _keep(self, reading: Reading, now_ns: int) -> None:
        """Decide, and carry out at most one act."""
        if reading.holdings.ranges:
            self._set_reference(reading)
        seen = self._observe(reading, now_ns)
        state = msgspec.structs.replace(self._keeper_state, busy=bool(self._book.pending))
        decision = self._keeper.decide(state, seen, now_ns)
        self._hold(decision.held)
        action = decision.action
        if isinstance(action, MoveRanges) and (short := self._short_allowance(action.plan, reading)):
            # The move is decided anew once the allowance stands: by then the price may be another.
            end = await self._actor.approve(*short)
        else:
            self._keeper_state = decision.state
            end = await self._carry_out(action, reading, now_ns) if action else None
        if end:
            self._take_end(end, now_ns)

    def _observe(self, reading: Reading, now_ns: int) -> Observation:
        price, sigma = reading.holdings.price, self._mid.sigma
        gas_price = reading.head.base_fee + self._config.gas.tip_wei
        unit = gas_price / WEI_PER_ETHER * price
        return Observation(
            holdings=reading.holdings, mid=self._mid.mid(now_ns), sigma=sigma,
            reference=self.reference(reading.holdings.delta), fee_rate=self._fees.quote_per_second(price),
            move_cost=self._config.move_gas * unit, collect_cost=self._config.collect_gas * unit,
        )  # fmt: skip

    async def _carry_out(self, action: MoveRanges | CollectFees, reading: Reading, now_ns: int) -> ActEnded | None:
        # A chain that only mines on demand shows an old time until its next block; its next block has ours.
        deadline_s = max(reading.head.timestamp_s, now_ns // SECOND_NS) + self._config.deadline_s
        if isinstance(action, CollectFees):
            call = collect_call(self._venue.adapter, reading.holdings, self._owner, deadline_s)
            return await self._actor.act(records.COLLECT, COLLECT, call)
        self._set_reference(reading)
        target, pair = action.plan.target, reading.holdings.pair
        base, quote = action.plan.deposits(pair)
        self._log.info(
            "lp.move", trigger=action.trigger, price=round(reading.holdings.price, 4),
            asked_lower=round(target.price_lower_asked, 2), asked_upper=round(target.price_upper_asked, 2),
            lower=round(target.price_lower, 2), upper=round(target.price_upper, 2),
            burns=len(action.plan.burns), mints=len(action.plan.mints),
            base=round(pair.whole_base(base), 6), quote=round(pair.whole_quote(quote), 2),
        )  # fmt: skip
        call = move_call(self._venue.adapter, reading.home, action.plan, self._owner, deadline_s)
        return await self._actor.act(records.MOVE, action.trigger, call)

    def _short_allowance(self, plan: MovePlan, reading: Reading) -> tuple[str, int] | None:
        """The token whose allowance does not cover the plan, and what to approve."""
        for token, needed in zip(self._venue.tokens, plan.deposits(reading.holdings.pair), strict=True):
            if needed > reading.allowance(Purpose.LIQUIDITY, token):
                return token, needed * self._config.approval_multiple
        return None

    def _take_end(self, end: ActEnded, now_ns: int) -> None:
        """What became of an act, for the keeper and for people."""
        begun = self._book.begun[end.number]
        self._awaited_block = max(self._awaited_block, end.block_number)
        say = self._log.info if end.succeeded else self._log.warning
        say(
            f"lp.{begun.kind}.{'done' if end.succeeded else 'failed'}", trigger=begun.trigger, reason=end.reason,
            tx=end.transaction_hash, block=end.block_number, gas_wei=end.gas_wei,
        )  # fmt: skip
        if not end.succeeded:
            self._keeper_state = self._keeper.failed(self._keeper_state, now_ns)
        elif begun.kind == records.COLLECT:
            self._keeper_state = self._keeper.collected(self._keeper_state, now_ns)
        elif begun.kind == records.MOVE:
            self._untold.append(end)

    def _anchor(self, reading: Reading, now_ns: int) -> None:
        """After a move: remember where we stand, on the first reading that contains it."""
        end = self._book.unanchored
        if end is None or reading.head.number < end.block_number:
            return
        self._actor.note(Anchored(number=end.number, delta=reading.holdings.delta, time_ns=now_ns))
        self._keeper_state = self._keeper.completed(reading.holdings, now_ns)

    def _set_reference(self, reading: Reading) -> None:
        if self._book.reference is None:
            self._actor.note(ReferenceSet(base=reading.holdings.delta))

    def _hold(self, held: str) -> None:
        if held and held != self.held:
            self._log.info("lp.held", reason=held)
        self.held = held

    def _rebalanced(self, end: ActEnded, reading: Reading) -> LpRebalanced:
        low, high = reading.holdings.price_bounds or (0.0, 0.0)
        last = self._publication.last
        assert last is not None, "the inventory is told before the move"
        return LpRebalanced(
            chain=last.chain, pool=last.pool, trigger=self._book.begun[end.number].trigger,
            transaction_hash=end.transaction_hash, block_number=end.block_number,
            price=reading.holdings.price, price_lower=low, price_upper=high,
            gas_native=int(end.gas_wei) / WEI_PER_ETHER,
        )  # fmt: skip


def _recovered(book: ActBook) -> KeeperState:
    """The keeper as the last life left it. What was used up then is armed again: the interval still protects."""
    if book.anchor is None:
        return KeeperState()
    at = book.anchor
    return KeeperState(anchor_delta=at.delta, anchored_ns=at.time_ns, collected_ns=at.time_ns)
