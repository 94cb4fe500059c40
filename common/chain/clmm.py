"""The seam to a venue of concentrated liquidity: what is common to all of them, as values and one Protocol.

The service plans in these values and never names a contract; `uniswap_v3.py` is the one adapter so far. The seam is
drawn where venues differ: pools have an opaque id (an address, or a hash under one manager); state is decoded by the
adapter (slot0 has 6 or 7 fields, and a fee word of another width); a range is opened under minimum amounts or under
maximum ones; fees come with the principal or by a call of their own; a move takes one transaction or several.
"""

from collections.abc import Collection, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from common.amm.pair import Pair
from common.amm.pool_state import PoolState
from common.chain.abi import Call
from common.chain.blocks import Log
from common.chain.events import Event


class Purpose(StrEnum):
    """What a contract may take the wallet's tokens for."""

    LIQUIDITY = "liquidity"
    SWAP = "swap"


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What `spender` may still take of one token, in raw units."""

    purpose: Purpose
    token: str
    spender: str
    amount: int = 0


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue can do in one transaction. Minimum amounts of closing and swapping are known everywhere.

    `opens_with_minimums`: a range can be opened under least amounts, so that it cannot end up one-sided by surprise.
    `fees_apart`: collecting fees is a call of its own and tells them apart from the principal. `moves_at_once`: any
    number of ranges is closed and opened in one transaction; `swaps_at_once`: a swap fits in there too.
    """

    opens_with_minimums: bool
    fees_apart: bool
    moves_at_once: bool
    swaps_at_once: bool


class PositionState(msgspec.Struct, frozen=True, kw_only=True):
    """One position at one block. `pool_id` is "" for a pool that the adapter does not know. `owed*` is what collecting
    would pay out now (fees included), in raw units, known for the wallet's own positions only.
    """

    position_id: int
    owner: str
    pool_id: str
    tick_lower: int
    tick_upper: int
    liquidity: int
    owed0: int = 0
    owed1: int = 0


class ChainView(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was asked for at one block. `positions` in the order asked, None for one that is burned;
    `position_count` is how many the wallet owns by the venue's own count. Amounts in raw units.
    """

    pools: tuple[PoolState, ...]
    idle0: int
    idle1: int
    allowances: tuple[Allowance, ...]
    position_count: int
    positions: tuple[PositionState | None, ...]


class OpenRange(msgspec.Struct, frozen=True, kw_only=True):
    """A new range. `amount0`, `amount1` are the most that it may take; `liquidity` is what they give at the price that
    the plan was made at, for venues that open by liquidity.
    """

    pool_id: str
    tick_lower: int
    tick_upper: int
    amount0: int
    amount1: int
    liquidity: int


class CloseRange(msgspec.Struct, frozen=True, kw_only=True):
    """All of a position's liquidity out, everything owed paid to the wallet, the position destroyed."""

    position_id: int
    liquidity: int


class CollectOwed(msgspec.Struct, frozen=True, kw_only=True):
    """What is owed to a position paid to the wallet; its range stands."""

    position_id: int


class SwapExactInput(msgspec.Struct, frozen=True, kw_only=True):
    """Sell exactly `amount_in` raw units: of token0 if `sells_token0`, else of token1. With a price limit it may sell
    less and does not revert.
    """

    pool_id: str
    sells_token0: bool
    amount_in: int


Intent = OpenRange | CloseRange | CollectOwed | SwapExactInput


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one intent. `amount*_min`: least that is taken by opening, returned by closing, or received by a swap
    (fees owed do not count). `sqrt_price_limit_x96`: where a swap stops; 0 = nowhere.
    """

    amount0_min: int = 0
    amount1_min: int = 0
    sqrt_price_limit_x96: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """An intent under its limits."""

    intent: Intent
    limits: Limits = Limits()


class ClmmAdapter(Protocol):
    """One venue, one pair of tokens, and the pools of it that are of interest."""

    @property
    def capabilities(self) -> Capabilities:
        """What the venue can do at once."""
        ...

    @property
    def tokens(self) -> tuple[str, str]:
        """(token0, token1), in the order that all pools share."""
        ...

    @property
    def pools(self) -> Mapping[str, Pair]:
        """Opaque id to token order, spacing and fee."""
        ...

    @property
    def contracts(self) -> tuple[str, ...]:
        """Addresses whose logs tell of positions."""
        ...

    @property
    def topics(self) -> Collection[bytes]:
        """First topics of the events that `decode_log` knows."""
        ...

    def read_calls(self, owner: str, position_ids: Sequence[int]) -> list[Call[Any]]:
        """All reads of a ChainView, precomputed, for one batch with `owner` as the sender."""
        ...

    def decode(self, outcomes: Sequence[Any], owner: str, position_ids: Sequence[int]) -> ChainView:
        """The batch's answers, refusals in place of values. Raises RequestRefused if one that must not fail did."""
        ...

    def listing_calls(self, owner: str, count: int) -> list[Call[int]]:
        """Reads of the ids of all positions that a wallet owns."""
        ...

    def decode_log(self, log: Log) -> Event | None:
        """What a log of `contracts` tells, or None if it is of no interest."""
        ...

    def opened(self, logs: Sequence[Log]) -> tuple[int, ...]:
        """Ids of the positions that a transaction opened, in order."""
        ...

    def fees(self, logs: Sequence[Log]) -> tuple[int, int]:
        """(token0, token1) of fees that a transaction paid out, without principal."""
        ...

    def closed(self, logs: Sequence[Log]) -> tuple[int, ...]:
        """Ids of the positions that a transaction destroyed, in order."""
        ...

    def principal(self, logs: Sequence[Log]) -> tuple[int, int]:
        """(token0, token1) that a transaction took out of ranges, without fees."""
        ...

    def deposited(self, logs: Sequence[Log]) -> tuple[int, int]:
        """(token0, token1) that a transaction put into ranges."""
        ...

    def swapped(self, logs: Sequence[Log]) -> tuple[int, int]:
        """(token0, token1) by which the swaps of a transaction changed the wallet: what was sold is negative."""
        ...

    def encode(self, steps: Sequence[Step], owner: str, deadline_s: int) -> list[Call[Any]]:
        """The transactions that carry steps out, in order; each happens whole or not at all.

        `deadline_s` on the chain's clock. Raises InputInvalid for a pool that it does not know.
        """
        ...

    def approvals(self) -> tuple[Allowance, ...]:
        """Who must be allowed to take what, for each purpose; amounts are 0."""
        ...

    def approve(self, purpose: Purpose, token: str, amount: int) -> list[Call[Any]]:
        """Transactions that let the purpose's contract take up to `amount`, in place of what it might before; 0
        revokes. Raises InputInvalid for a token that is not of the pair.
        """
        ...
