"""The state that the LP's records add up to: pure, so that a restart is a replay."""

from collections.abc import Iterable

from common.model.errors import TransitionInvalid
from common.strategy.lp_triggers import OPEN
from services.defi_lp.records import (
    MOVE,
    ActBegun,
    ActEnded,
    ActReopened,
    Anchored,
    AnyRecord,
    ReferenceSet,
)

# A reorganisation reaches back a few blocks, never hundreds of our own transactions.
RECENT_ACTS = 16


class ActBook:
    """All acts by number. An act is pending from its beginning to its end; an undone block makes it pending again."""

    def __init__(self, records: Iterable[AnyRecord] = ()) -> None:
        self.reference: float | None = None
        self.anchor: Anchored | None = None
        self.begun: dict[int, ActBegun] = {}
        self.ended: dict[int, ActEnded] = {}
        for record in records:
            self.apply(record)

    def apply(self, record: AnyRecord) -> None:
        """Take a record in; raises TransitionInvalid and changes nothing if it cannot follow."""
        match record:
            case ReferenceSet(base=base):
                self.reference = base
            case ActBegun(number=number):
                if number != self.next_number:
                    raise TransitionInvalid(f"act {number} begins, {self.next_number} is next")
                self.begun[number] = record
            case ActEnded(number=number):
                if number not in self.begun or number in self.ended:
                    raise TransitionInvalid(f"act {number} ends but is not pending")
                self.ended[number] = record
            case ActReopened(number=number):
                if number not in self.ended:
                    raise TransitionInvalid(f"act {number} is reopened but has not ended")
                del self.ended[number]
            case Anchored():
                self.anchor = record

    @property
    def next_number(self) -> int:
        """The next act's number, from 1."""
        return len(self.begun) + 1

    @property
    def pending(self) -> list[ActBegun]:
        """Begun and not ended, oldest first."""
        recent = range(max(1, self.next_number - RECENT_ACTS), self.next_number)
        return [self.begun[number] for number in recent if number not in self.ended]

    @property
    def mined(self) -> list[ActEnded]:
        """Recent acts that ended in a block."""
        recent = range(max(1, self.next_number - RECENT_ACTS), self.next_number)
        return [self.ended[number] for number in recent if number in self.ended and self.ended[number].block_hash]

    @property
    def rebalances(self) -> int:
        """Moves that succeeded, the opening ones apart."""
        return sum(
            1 for number, end in self.ended.items()
            if end.succeeded and self.begun[number].kind == MOVE and self.begun[number].trigger != OPEN
        )  # fmt: skip

    @property
    def unanchored(self) -> ActEnded | None:
        """The newest successful move if the keeper's anchor has not followed it yet."""
        moves = (end for end in reversed(self.mined) if end.succeeded and self.begun[end.number].kind == MOVE)
        newest = next(moves, None)
        if newest is None or (self.anchor is not None and self.anchor.number >= newest.number):
            return None
        return newest

    @property
    def range_keys(self) -> dict[int, str]:
        """Token id to key: the hash of the transaction that minted it, with `:n` for its second and later ranges."""
        keys = {}
        for end in self.ended.values():
            for place, token_id in enumerate(end.token_ids):
                keys[token_id] = f"{end.transaction_hash}:{place}" if place else end.transaction_hash
        return keys

    @property
    def fees_collected(self) -> tuple[int, int]:
        """(base, quote) in raw units, of all acts."""
        ends = self.ended.values()
        return sum(int(end.fees_base) for end in ends), sum(int(end.fees_quote) for end in ends)

    @property
    def gas_wei(self) -> int:
        """Native coin paid for all acts, failed ones too."""
        return sum(int(end.gas_wei) for end in self.ended.values())
