"""What the LP keeper writes down before and after it acts. Raw amounts are texts: msgpack integers end at 64 bits.

An intention of the keeper is a saga of steps; a step is at most one transaction, whose key is the step's number.

    SagaBegun -> (StepBegun -> StepEnded)* -> SagaEnded
                      ^            |
                      +-StepReopened  (its block was undone; its saga is open again too)
"""

import msgspec

OPEN, REBALANCE, COLLECT, CLOSE = "open", "rebalance", "collect", "close"
"""Intents of a saga."""

APPROVE, MOVE, WITHDRAW, SWAP, MINT, REVOKE = "approve", "move", "withdraw", "swap", "mint", "revoke"
"""Kinds of a step, beside COLLECT. A move burns the old ranges and mints the new ones in one transaction."""

DONE, FAILED, ABANDONED = "done", "failed", "abandoned"
"""Outcomes of a saga. Abandoned: it could not go on for so long that it was given up before it changed anything."""

MANAGER, ROUTER = "manager", "router"
BASE, QUOTE = "base", "quote"


class Record(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of the journal's records."""


class Amounts(msgspec.Struct, frozen=True):
    """Raw units of both tokens, as texts."""

    base: str = "0"
    quote: str = "0"

    @staticmethod
    def of(base: int, quote: int) -> "Amounts":
        """From integers."""
        return Amounts(str(base), str(quote))

    @property
    def pair(self) -> tuple[int, int]:
        """(base, quote) as integers."""
        return int(self.base), int(self.quote)


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in the wallet itself at one block: both tokens, and the native coin in wei."""

    block_number: int
    block_hash: str
    tokens: Amounts
    native_wei: str


class Gains(msgspec.Struct, frozen=True, kw_only=True):
    """How a step changed the wallet, by cause, as its receipt tells: `principal` and `fees` came out of ranges,
    `deposited` went into them, `swapped` is signed, `gas_wei` was paid.
    """

    principal: Amounts = Amounts()
    fees: Amounts = Amounts()
    deposited: Amounts = Amounts()
    swapped: Amounts = Amounts()
    gas_wei: str = "0"

    @property
    def tokens(self) -> tuple[int, int]:
        """(base, quote) by which the wallet grew."""
        parts = zip(self.principal.pair, self.fees.pair, self.deposited.pair, self.swapped.pair, strict=True)
        base, quote = (principal + fees - deposited + swapped for principal, fees, deposited, swapped in parts)
        return base, quote

    def plus(self, other: "Gains") -> "Gains":
        """Both together."""
        names = ("principal", "fees", "deposited", "swapped")
        pairs = {name: (getattr(self, name).pair, getattr(other, name).pair) for name in names}
        sums = {name: Amounts.of(a[0] + b[0], a[1] + b[1]) for name, (a, b) in pairs.items()}
        return Gains(**sums, gas_wei=str(int(self.gas_wei) + int(other.gas_wei)))


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The wallet before and after a saga, and what its steps explain of the difference.

    `unexplained` = after - before - explained, for both tokens; `unexplained_wei` for the native coin. It is nothing
    unless somebody else paid the wallet or took from it meanwhile. `comparable` is false when the block of `before`
    is no longer part of the chain: then the difference says nothing.
    """

    before: Purse
    after: Purse
    gains: Gains
    unexplained: Amounts = Amounts()
    unexplained_wei: str = "0"
    comparable: bool = True

    @property
    def is_exact(self) -> bool:
        """Every token and every wei is accounted for."""
        return self.unexplained.pair == (0, 0) and int(self.unexplained_wei) == 0

    @property
    def lost(self) -> bool:
        """Something is missing that no step explains."""
        return self.comparable and min(*self.unexplained.pair, int(self.unexplained_wei)) < 0


class ReferenceSet(Record, frozen=True, kw_only=True):
    """Base (whole tokens) owned in all when this LP began: where it is neutral."""

    base: float


class NonceSeen(Record, frozen=True, kw_only=True):
    """The wallet's nonce before this LP's first transaction: everything from here on is ours."""

    nonce: int


class SagaBegun(Record, frozen=True, kw_only=True):
    """An intention, why, and the steps that it will probably take. They are planned anew when their time comes.

    `swaps`: it is a rebalance by withdraw, swap and mint. `fee_ppm`: the tier of the pool that it mints in, 0 = the one
    in which our ranges stand, or would stand first. `command_id` names the command that asked for it, or "".
    """

    saga: int
    intent: str
    trigger: str
    steps: tuple[str, ...]
    purse: Purse
    time_ns: int
    swaps: bool = False
    command_id: str = ""
    fee_ppm: int = 0


class StepBegun(Record, frozen=True, kw_only=True):
    """A transaction is about to be submitted under the writer's key of this number. Numbers count over all sagas.

    `subject` of an approval or its revocation is `token:spender`.
    """

    step: int
    saga: int
    kind: str
    subject: str = ""


class StepEnded(Record, frozen=True, kw_only=True):
    """What became of it. `minted` and `burned` are token ids, in order; `block_hash` "" = never mined.

    `code` says why it failed: "" (it did not), `never_submitted`, `unavailable` (the node was away before anything
    was sent), `reverted`, `canceled`, `stranger` (somebody else used its nonce), `forgotten` (the chain went back
    behind it), or the code of the refusal.
    """

    step: int
    succeeded: bool
    time_ns: int
    code: str = ""
    reason: str = ""
    transaction_hash: str = ""
    block_number: int = 0
    block_hash: str = ""
    minted: tuple[int, ...] = ()
    burned: tuple[int, ...] = ()
    gains: Gains = Gains()


class StepReopened(Record, frozen=True, kw_only=True):
    """Its block was undone: what became of it, and of its saga, is open again."""

    step: int


class SwapRefused(Record, frozen=True, kw_only=True):
    """The saga's swap will not be: it goes on by minting what is there, one-sided if need be."""

    saga: int
    reason: str


class SagaEnded(Record, frozen=True, kw_only=True):
    """The intention is fulfilled, or given up."""

    saga: int
    outcome: str
    time_ns: int
    reason: str = ""
    settlement: Settlement | None = None


class Anchored(Record, frozen=True, kw_only=True):
    """New ranges stand since this step: base (whole tokens) owned then, volatility (lognormal per sqrt(s), 0 = not
    known), and the time.
    """

    step: int
    delta: float
    time_ns: int
    sigma: float = 0.0


class CommandTaken(Record, frozen=True, kw_only=True):
    """A command: `open`, `close`, `collect`, `rebalance` or `resume`. `open` and `close` stand until the other.

    Of a resume: the wallet's `nonce`, up to which all use is accepted, and the token ids that are `given_up`.
    """

    command_id: str
    action: str
    operator: str
    time_ns: int
    nonce: int | None = None
    given_up: tuple[int, ...] = ()


class CommandEnded(Record, frozen=True, kw_only=True):
    """What became of a command."""

    command_id: str
    outcome: str
    detail: str
    time_ns: int


class Halted(Record, frozen=True, kw_only=True):
    """Nothing is sent any more until somebody resumes."""

    reason: str
    detail: str
    time_ns: int


AnyRecord = (
    ReferenceSet
    | NonceSeen
    | SagaBegun
    | StepBegun
    | StepEnded
    | StepReopened
    | SwapRefused
    | SagaEnded
    | Anchored
    | CommandTaken
    | CommandEnded
    | Halted
)
