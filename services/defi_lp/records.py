"""What the LP writes down before and after it acts. Raw amounts are texts: msgpack integers end at 64 bits."""

import msgspec

MOVE, COLLECT, APPROVE = "move", "collect", "approve"


class Record(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Root of the journal's records."""


class ReferenceSet(Record, frozen=True, kw_only=True):
    """Base (whole tokens) owned in all when this LP began: where it is neutral."""

    base: float


class ActBegun(Record, frozen=True, kw_only=True):
    """A transaction is about to be submitted under the writer's key of this number. `kind`: move, collect, approve."""

    number: int
    kind: str
    trigger: str


class ActEnded(Record, frozen=True, kw_only=True):
    """What became of it. `token_ids` were minted by it, in order; `fees_*` were collected; `block_hash` "" = never
    mined.
    """

    number: int
    succeeded: bool
    reason: str = ""
    transaction_hash: str = ""
    block_number: int = 0
    block_hash: str = ""
    token_ids: tuple[int, ...] = ()
    fees_base: str = "0"
    fees_quote: str = "0"
    gas_wei: str = "0"


class ActReopened(Record, frozen=True, kw_only=True):
    """Its block was undone: what became of it is open again."""

    number: int


class Anchored(Record, frozen=True, kw_only=True):
    """A move stands: base (whole tokens) owned then, and the time."""

    number: int
    delta: float
    time_ns: int


AnyRecord = ReferenceSet | ActBegun | ActEnded | ActReopened | Anchored
