"""A chain, a wallet and a keeper small enough to be killed, undone and refused thousands of times a second.

The keeper is the real one in everything that it decides (`lp_book`, `lp_saga`); the shell around it does what the
service's does, in the same order: journal, then act. Calls are functions of the chain's state, evaluated when they
are mined, so a transaction that was undone may fail the second time, as on a real chain.
"""

from collections.abc import Callable
from itertools import count

import msgspec

from common.strategy.lp_book import LpBook
from common.strategy.lp_records import (
    APPROVE,
    CLOSE,
    COLLECT,
    MINT,
    MOVE,
    OPEN,
    REBALANCE,
    REVOKE,
    SWAP,
    WITHDRAW,
    Amounts,
    AnyRecord,
    CommandTaken,
    Gains,
    Purse,
    SagaBegun,
    SagaEnded,
    StepBegun,
    StepEnded,
    StepReopened,
    SwapRefused,
)
from common.strategy.lp_saga import SUBJECTS, Act, Finish, RefuseSwap, SagaRules, SagaView, next_move, plan, settle

SECOND = 10**9
START = (1_000, 2_000)
RULES = SagaRules(failures_max=10**9, held_s_max=30.0, retry_s=1.0)


class Reverted(Exception):
    """The call fails and changes nothing."""


class Killed(BaseException):
    """kill -9, here and now."""


class State:
    """What a chain knows of one wallet."""

    def __init__(self) -> None:
        self.idle = list(START)
        self.ranges: dict[int, tuple[str, int, int]] = {}
        self.allowances = dict.fromkeys(SUBJECTS, 0)
        self.gas = 10**6
        self.next_id = 1

    def copy(self) -> "State":
        """Another one, equal and apart."""
        twin = State()
        twin.idle, twin.ranges, twin.allowances = list(self.idle), dict(self.ranges), dict(self.allowances)
        twin.gas, twin.next_id = self.gas, self.next_id
        return twin


Call = Callable[[State, str], Gains]


class Chain:
    """Blocks of at most one transaction. An undone transaction waits to be mined again, in its old place."""

    def __init__(self) -> None:
        self.states = [State()]
        self.blocks: list[tuple[str, bool, Gains, str] | None] = []
        self.pool: list[str] = []
        self.calls: dict[str, Call] = {}
        self.receipts: dict[str, tuple[int, str, bool, Gains, tuple[int, ...], tuple[int, ...]]] = {}
        self.fails_next = False
        self._forks = count()

    @property
    def state(self) -> State:
        return self.states[-1]

    @property
    def height(self) -> int:
        return len(self.blocks)

    def submit(self, key: str, call: Call) -> None:
        self.calls[key] = call
        self.pool.append(key)

    def mine(self) -> None:
        name = f"0x{self.height + 1}-{next(self._forks)}"
        if not self.pool:
            self.blocks.append(None)
            self.states.append(self.state.copy())
            return
        key, before, after = self.pool.pop(0), self.state, self.state.copy()
        gains, succeeded = Gains(gas_wei="21"), not self.fails_next
        self.fails_next = False
        if succeeded:
            try:
                gains = self.calls[key](after, key).plus(gains)
            except Reverted:
                succeeded = False
        if not succeeded:
            after = before.copy()
        after.gas -= 21
        self.blocks.append((key, succeeded, gains, name))
        self.states.append(after)
        minted = tuple(sorted(set(after.ranges) - set(before.ranges)))
        burned = tuple(sorted(set(before.ranges) - set(after.ranges)))
        self.receipts[key] = (self.height, name, succeeded, gains, minted, burned)

    def undo(self, depth: int) -> None:
        for _ in range(min(depth, self.height)):
            block = self.blocks.pop()
            self.states.pop()
            if block is not None:
                del self.receipts[block[0]]
                self.pool.insert(0, block[0])


class Keeper:
    """One life. What it remembers is its journal and nothing else."""

    def __init__(self, chain: Chain, records: list[AnyRecord]) -> None:
        self.chain, self.records = chain, records
        self.book = LpBook(records)
        self.now_ns = 0
        self.gate = ""
        self.swaps = False
        self.wants: str = ""
        self.refuses = ""
        self.dies_in = -1
        self.submitted: list[str] = []

    def note(self, record: AnyRecord) -> None:
        self._may_die()
        self.records.append(record)
        self.book.apply(record)
        self._may_die()

    def _may_die(self) -> None:
        self.dies_in -= 1
        if self.dies_in == 0:
            raise Killed

    def command(self, action: str) -> None:
        self.note(CommandTaken(command_id=f"c{len(self.records)}", action=action, operator="test", time_ns=0))

    def turn(self) -> None:
        self._look()
        saga = self.book.active
        if saga is None:
            if self.now_ns >= self._pause():
                self._begin()
            saga = self.book.active
        if saga is None:
            return
        following = next_move(saga, self.view(), self.now_ns, RULES)
        number = saga.begun.saga
        if isinstance(following, Finish):
            settlement = settle(saga.begun.purse, self.purse(), saga.gains, True)
            self.note(
                SagaEnded(
                    saga=number, outcome=following.outcome, time_ns=self.now_ns, reason=following.reason,
                    settlement=settlement,
                )
            )  # fmt: skip
        elif isinstance(following, RefuseSwap):
            self.note(SwapRefused(saga=number, reason=following.reason))
        elif isinstance(following, Act):
            self._act(number, following)

    def view(self) -> SagaView:
        state = self.chain.state
        base, quote = (state.idle[place] + sum(each[place + 1] for each in state.ranges.values()) for place in (0, 1))
        return SagaView(
            block_number=self.chain.height, ranges=len(state.ranges), allowances=state.allowances,
            deposits=(base // 2, quote // 2), sells=("base", 100) if self.swaps else None, price_gate=self.gate,
        )  # fmt: skip

    def purse(self) -> Purse:
        state = self.chain.state
        return Purse(
            block_number=self.chain.height, block_hash="0x", tokens=Amounts.of(*state.idle), native_wei=str(state.gas)
        )

    def _pause(self) -> int:
        """The keeper proper waits after a failure; a second is enough here."""
        ends = [saga.end for saga in self.book.sagas.values() if saga.end]
        return ends[-1].time_ns + SECOND if ends and ends[-1].outcome != "done" else 0

    def _begin(self) -> None:
        intent = self._intent()
        if not intent:
            return
        self.wants = "" if intent == self.wants else self.wants
        swaps = self.swaps and intent == REBALANCE
        self.note(
            SagaBegun(
                saga=len(self.book.sagas) + 1, intent=intent, trigger="test", steps=plan(intent, self.view(), swaps),
                purse=self.purse(), time_ns=self.now_ns, swaps=swaps,
            )
        )  # fmt: skip

    def _intent(self) -> str:
        state = self.chain.state
        if not self.book.wants_open:
            return CLOSE if state.ranges or any(state.allowances.values()) else ""
        if not state.ranges:
            return "" if self.gate else OPEN
        return self.wants

    def _look(self) -> None:
        for end in self.book.mined:
            receipt = self.chain.receipts.get(f"lp-{end.step}")
            if receipt is None or receipt[1] != end.block_hash:
                self.note(StepReopened(step=end.step))
        for begun in self.book.pending:
            key = f"lp-{begun.step}"
            if key not in self.chain.calls:
                self.note(StepEnded(step=begun.step, succeeded=False, time_ns=self.now_ns, code="never_submitted"))
            elif receipt := self.chain.receipts.get(key):
                height, name, succeeded, gains, minted, burned = receipt
                self.note(
                    StepEnded(
                        step=begun.step, succeeded=succeeded, time_ns=self.now_ns,
                        code="" if succeeded else "reverted", transaction_hash=key, block_number=height,
                        block_hash=name, minted=minted, burned=burned, gains=gains,
                    )
                )  # fmt: skip

    def _act(self, saga: int, act: Act) -> None:
        call = self._call(act)
        number = self.book.step_count + 1
        self.note(StepBegun(step=number, saga=saga, kind=act.kind, subject=act.subject))
        refusal, self.refuses = self.refuses, ""
        if refusal:
            self.note(
                StepEnded(step=number, succeeded=False, time_ns=self.now_ns, code=refusal, reason=f"{refusal}: test")
            )
            return
        self.submitted.append(f"lp-{number}")
        self.chain.submit(f"lp-{number}", call)
        self._may_die()

    def _call(self, act: Act) -> Call:
        ids = tuple(self.chain.state.ranges)
        base, quote = self.view().deposits
        if act.kind in (APPROVE, REVOKE):
            amount = 10**6 if act.kind == APPROVE else 0
            return lambda state, _key: _approve(state, act.subject, amount)
        if act.kind == COLLECT:
            return lambda state, _key: Gains() if set(ids) <= set(state.ranges) else _revert()
        if act.kind == SWAP:
            return _swap
        if act.kind == WITHDRAW:
            return lambda state, _key: _burn(state, ids)
        burns = ids if act.kind == MOVE else ()
        assert act.kind in (MOVE, MINT)
        return lambda state, key: _burn(state, burns).plus(_mint(state, key, base, quote))


def _revert() -> Gains:
    raise Reverted


def _approve(state: State, subject: str, amount: int) -> Gains:
    state.allowances[subject] = amount
    return Gains()


def _burn(state: State, ids: tuple[int, ...]) -> Gains:
    base = quote = 0
    for token_id in ids:
        if token_id not in state.ranges:
            raise Reverted
        _, in_base, in_quote = state.ranges.pop(token_id)
        base, quote = base + in_base, quote + in_quote
    state.idle = [state.idle[0] + base, state.idle[1] + quote]
    return Gains(principal=Amounts.of(base, quote))


def _mint(state: State, key: str, base: int, quote: int) -> Gains:
    """Two ranges, of which the second takes base alone."""
    for place, (token, amount) in enumerate((("base", base), ("quote", quote))):
        if state.idle[place] < amount or state.allowances[f"{token}:manager"] < amount:
            raise Reverted
    state.idle = [state.idle[0] - base, state.idle[1] - quote]
    for in_base, in_quote in ((base // 2, quote), (base - base // 2, 0)):
        state.ranges[state.next_id] = (key, in_base, in_quote)
        state.next_id += 1
    return Gains(deposited=Amounts.of(base, quote))


def _swap(state: State, _key: str) -> Gains:
    if state.idle[0] < 100 or state.allowances["base:router"] < 100:
        raise Reverted
    state.idle = [state.idle[0] - 100, state.idle[1] + 200]
    return Gains(swapped=Amounts.of(-100, 200))


def reborn(keeper: Keeper) -> Keeper:
    """The next life, as the journal tells it; what was submitted is remembered for the test alone."""
    twin = Keeper(keeper.chain, msgspec.msgpack.decode(msgspec.msgpack.encode(keeper.records), type=list[AnyRecord]))
    twin.now_ns, twin.gate, twin.swaps, twin.submitted = keeper.now_ns, keeper.gate, keeper.swaps, keeper.submitted
    return twin
