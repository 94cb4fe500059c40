"""What owners and holders of pools say. `account` asks; only the venue asks as its treasury.

LP tokens are decimal text, since they do not fit 64 bits; money is in 1e-8 of the pool's quote asset.
"""

from typing import Any

from common.exchange.commands import Command
from common.exchange.pools.records import Ladder


class CreatePool(Command, frozen=True, kw_only=True):
    """Open a pool that `account` owns and that makes one market."""

    account: str
    pool: str
    symbol: str
    ladder: Ladder = Ladder()


class ConfigurePool(Command, frozen=True, kw_only=True):
    """The owner has the pool quote otherwise."""

    account: str
    pool: str
    ladder: Ladder


class SetPoolFeeShare(Command, frozen=True, kw_only=True):
    """The venue, and nobody else, gives a pool's holders a part of its fees on trades with the pool's orders."""

    pool: str
    fee_share_bps: int


class DepositToPool(Command, frozen=True, kw_only=True):
    """Pay units of the free balance in, for at least so many tokens (empty = any)."""

    account: str
    pool: str
    units: int
    shares_min: str = ""


class WithdrawFromPool(Command, frozen=True, kw_only=True):
    """Give tokens back, None = all, for cash: their value, at least `units_min` of it."""

    account: str
    pool: str
    shares: str | None = None
    units_min: int = 0


class WithdrawUnitsFromPool(Command, frozen=True, kw_only=True):
    """Take exactly so many units of cash, for at most so many tokens (empty = any)."""

    account: str
    pool: str
    units: int
    shares_max: str = ""


class WithdrawInKind(Command, frozen=True, kw_only=True):
    """Give tokens back, None = all, for their part of the goods and of the cash, at least so much of each."""

    account: str
    pool: str
    shares: str | None = None
    units_min: int = 0
    base_units_min: int = 0


class AddPoolFees(Command, frozen=True, kw_only=True):
    """Give the holders units of the free balance, over STREAM_NS."""

    account: str
    pool: str
    units: int


class PausePool(Command, frozen=True, kw_only=True):
    """The owner lets no deposit in and takes the quotes off."""

    account: str
    pool: str


class ResumePool(Command, frozen=True, kw_only=True):
    """The owner opens a paused pool again."""

    account: str
    pool: str


class ClosePool(Command, frozen=True, kw_only=True):
    """The owner ends a pool: everybody gets a part of what it has, of a perpetual's once it is sold at the market."""

    account: str
    pool: str


PoolCommand = (
    CreatePool
    | ConfigurePool
    | SetPoolFeeShare
    | DepositToPool
    | WithdrawFromPool
    | WithdrawUnitsFromPool
    | WithdrawInKind
    | AddPoolFees
    | PausePool
    | ResumePool
    | ClosePool
)
"""All of them."""

OF_TREASURY: frozenset[Any] = frozenset(PoolCommand.__args__)
"""What the venue may do as its treasury."""
