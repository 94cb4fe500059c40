"""The state that the LP keeper's records add up to: pure, so that a restart is a replay."""

from collections.abc import Iterable
from functools import cached_property

from common.model.errors import TransitionInvalid
from common.strategy.lp_records import (
    COLLECT,
    DONE,
    MINT,
    MOVE,
    REBALANCE,
    Anchored,
    AnyRecord,
    CommandEnded,
    CommandTaken,
    Gains,
    Halted,
    NonceSeen,
    ReferenceSet,
    SagaBegun,
    SagaEnded,
    StepBegun,
    StepEnded,
    StepReopened,
    SwapRefused,
)

# A reorganisation reaches back a few blocks, never hundreds of our own transactions.
RECENT_STEPS = 64
MINTING = frozenset({MOVE, MINT})
"""Kinds of steps after which new ranges stand."""

BLAMELESS = frozenset({"", "never_submitted", "unavailable", "forgotten", "fee_cap", "gas_budget"})
"""Ends that say nothing against the step itself: they do not count as failures in a row."""

OPEN_ACTION, CLOSE_ACTION, RESUME_ACTION = "open", "close", "resume"
ONCE = frozenset({COLLECT, REBALANCE})
"""Commands that ask for one saga; `open` and `close` are what shall be, until the other is said."""


class Saga:
    """One intention with its steps, oldest first. A step without an end is under way."""

    def __init__(self, begun: SagaBegun) -> None:
        self.begun = begun
        self.steps: list[StepBegun] = []
        self.ends: dict[int, StepEnded] = {}
        self.swap_refused = ""
        self.end: SagaEnded | None = None

    @property
    def pending(self) -> StepBegun | None:
        """The oldest step whose end is open."""
        return next((each for each in self.steps if each.step not in self.ends), None)

    @property
    def newest(self) -> StepEnded | None:
        """The end of the newest step, or None if there is none or it is under way."""
        return self.ends.get(self.steps[-1].step) if self.steps else None

    @property
    def block_number(self) -> int:
        """The newest block that a step of it stands in: what is read of older blocks is older than the saga."""
        return max((each.block_number for each in self.ends.values()), default=0)

    @property
    def changed_ns(self) -> int:
        """When it began, or its newest step ended."""
        return max([self.begun.time_ns, *(each.time_ns for each in self.ends.values())])

    @property
    def gains(self) -> Gains:
        """Of all its steps that were mined, failed ones too."""
        total = Gains()
        for end in self.ends.values():
            total = total.plus(end.gains)
        return total

    @property
    def failures_in_row(self) -> int:
        """Steps at its end that failed by their own fault."""
        count = 0
        for begun in reversed(self.steps):
            end = self.ends.get(begun.step)
            if end is None or end.succeeded:
                break
            count += end.code not in BLAMELESS
        return count

    def has(self, kind: str) -> bool:
        """Whether a step of this kind succeeded and stands."""
        return any(each.kind == kind and self._stands(each.step) for each in self.steps)

    def _stands(self, step: int) -> bool:
        end = self.ends.get(step)
        return end is not None and end.succeeded


class LpBook:
    """Sagas and steps by number, commands by id, what is wanted, and why nothing may be sent."""

    def __init__(self, records: Iterable[AnyRecord] = ()) -> None:
        self.reference: float | None = None
        self.anchor: Anchored | None = None
        self.nonce: int | None = None
        self.halt: Halted | None = None
        self.resumed_at_saga = 0
        self.wants_open = True
        self.failures_in_row = 0
        self.sagas: dict[int, Saga] = {}
        self.step_count = 0
        self.commands: dict[str, CommandTaken] = {}
        self.answers: dict[str, CommandEnded] = {}
        self._saga_of: dict[int, Saga] = {}
        self._given_up: set[int] = set()
        for record in records:
            self.apply(record)

    def apply(self, record: AnyRecord) -> None:
        """Take a record in; raises TransitionInvalid and changes nothing if it cannot follow."""
        match record:
            case ReferenceSet(base=base):
                self.reference = base
            case NonceSeen(nonce=nonce):
                self.nonce = nonce
            case Anchored():
                self.anchor = record
            case Halted():
                self.halt = record
            case SagaBegun() | SagaEnded() | SwapRefused():
                self._apply_to_saga(record)
            case StepBegun() | StepEnded() | StepReopened():
                self._apply_to_step(record)
            case CommandTaken() | CommandEnded():
                self._apply_to_command(record)
        self.__dict__.pop("range_keys", None)
        self.__dict__.pop("standing", None)
        self.__dict__.pop("gains", None)

    def _apply_to_saga(self, record: SagaBegun | SagaEnded | SwapRefused) -> None:
        number = record.saga
        if isinstance(record, SagaBegun):
            if number != len(self.sagas) + 1 or self.active is not None:
                raise TransitionInvalid(f"saga {number} begins, {len(self.sagas) + 1} is next, active: {self.active}")
            self.sagas[number] = Saga(record)
            return
        saga = self.sagas.get(number)
        if saga is None or saga.end is not None or saga.pending is not None:
            raise TransitionInvalid(f"{type(record).__name__} of saga {number}, which is not waiting for its next step")
        if isinstance(record, SwapRefused):
            saga.swap_refused = record.reason
        else:
            saga.end = record

    def _apply_to_step(self, record: StepBegun | StepEnded | StepReopened) -> None:
        number = record.step
        if isinstance(record, StepBegun):
            saga = self.sagas.get(record.saga)
            if number != self.step_count + 1 or saga is None or saga.end is not None or saga.pending is not None:
                raise TransitionInvalid(f"step {number} of saga {record.saga} begins, {self.step_count + 1} is next")
            self.step_count = number
            self._saga_of[number] = saga
            saga.steps.append(record)
            return
        saga = self._saga_of.get(number)
        ended = saga is not None and number in saga.ends
        if saga is None or ended is isinstance(record, StepEnded):
            raise TransitionInvalid(
                f"{type(record).__name__} of step {number}, which has {'' if ended else 'not '}ended"
            )
        if isinstance(record, StepReopened):
            del saga.ends[number]
            saga.end = None
            return
        saga.ends[number] = record
        if record.succeeded:
            self.failures_in_row = 0
        elif record.code not in BLAMELESS:
            self.failures_in_row += 1

    def _apply_to_command(self, record: CommandTaken | CommandEnded) -> None:
        known, ended = record.command_id in self.commands, record.command_id in self.answers
        if isinstance(record, CommandEnded):
            if not known or ended:
                raise TransitionInvalid(f"command {record.command_id} ends but is not open")
            self.answers[record.command_id] = record
            return
        if known:
            raise TransitionInvalid(f"command {record.command_id} is known already")
        self.commands[record.command_id] = record
        if record.action == RESUME_ACTION:
            self.halt, self.failures_in_row, self.resumed_at_saga = None, 0, len(self.sagas)
            self._given_up |= set(record.given_up)
            self.nonce = record.nonce if record.nonce is not None else self.nonce
        elif record.action in (OPEN_ACTION, CLOSE_ACTION):
            self.wants_open = record.action == OPEN_ACTION

    @property
    def active(self) -> Saga | None:
        """The oldest saga that has not ended: the only one that may take steps."""
        return next((each for each in self._recent_sagas() if each.end is None), None)

    @property
    def pending(self) -> list[StepBegun]:
        """Steps that began and have not ended, oldest first."""
        return [begun for begun, end in self._recent_steps() if end is None]

    @property
    def ended(self) -> list[StepEnded]:
        """Recent ends, oldest first."""
        return [end for _, end in self._recent_steps() if end is not None]

    @property
    def mined(self) -> list[StepEnded]:
        """Recent steps that ended in a block, oldest first."""
        return [end for _, end in self._recent_steps() if end is not None and end.block_hash]

    @property
    def open_commands(self) -> list[CommandTaken]:
        """Taken and not answered, oldest first."""
        return [each for name, each in self.commands.items() if name not in self.answers]

    @property
    def wanted(self) -> CommandTaken | None:
        """The oldest open command for one saga that has not begun yet."""
        begun = {each.begun.command_id for each in self._recent_sagas()}
        waiting = (each for each in self.open_commands if each.action in ONCE and each.command_id not in begun)
        return next(waiting, None)

    @property
    def rebalances(self) -> int:
        """Rebalances that are done."""
        ends = ((saga.begun.intent, saga.end) for saga in self.sagas.values())
        return sum(1 for intent, end in ends if intent == REBALANCE and end is not None and end.outcome == DONE)

    @property
    def unanchored(self) -> StepEnded | None:
        """The newest step after which new ranges stand, if the keeper's anchor has not followed it yet."""
        minting = (end for begun, end in self._recent_steps() if begun.kind in MINTING and end and end.succeeded)
        newest = max(minting, key=lambda end: end.step, default=None)
        if newest is None or (self.anchor is not None and self.anchor.step >= newest.step):
            return None
        return newest

    @cached_property
    def range_keys(self) -> dict[int, str]:
        """Token id to key: the hash of the transaction that minted it, with `:n` for its second and later ranges."""
        keys = {}
        for end in self._ends():
            for place, token_id in enumerate(end.minted):
                keys[token_id] = f"{end.transaction_hash}:{place}" if place else end.transaction_hash
        return keys

    @cached_property
    def standing(self) -> dict[int, StepEnded]:
        """Token ids that the wallet must own by what its own transactions did, each with the step that minted it."""
        owned: dict[int, StepEnded] = {}
        for end in self._ends():
            if end.succeeded:
                for token_id in end.burned:
                    owned.pop(token_id, None)
                owned |= dict.fromkeys(end.minted, end)
        return {token_id: end for token_id, end in owned.items() if token_id not in self._given_up}

    @property
    def latest_sagas(self) -> list[Saga]:
        """Those that a reorganisation can still reach, oldest first."""
        return self._recent_sagas()

    @cached_property
    def gains(self) -> Gains:
        """Of all steps that were ever mined."""
        total = Gains()
        for end in self._ends():
            total = total.plus(end.gains)
        return total

    def saga_of(self, step: int) -> Saga:
        """The saga that a step belongs to; raises KeyError for a number that was never given."""
        return self._saga_of[step]

    def begun(self, step: int) -> StepBegun:
        """A step's beginning; raises KeyError for a number that was never given."""
        return next(each for each in self._saga_of[step].steps if each.step == step)

    def _ends(self) -> list[StepEnded]:
        ends = [end for saga in self.sagas.values() for end in saga.ends.values()]
        return sorted(ends, key=lambda end: end.step)

    def _recent_steps(self) -> list[tuple[StepBegun, StepEnded | None]]:
        numbers = range(max(1, self.step_count - RECENT_STEPS + 1), self.step_count + 1)
        return [(self.begun(number), self._saga_of[number].ends.get(number)) for number in numbers]

    def _recent_sagas(self) -> list[Saga]:
        """Those that a reorganisation can still reach. A saga has a step or none, so as many sagas as steps do."""
        numbers = range(max(1, len(self.sagas) - RECENT_STEPS + 1), len(self.sagas) + 1)
        return [self.sagas[number] for number in numbers]
