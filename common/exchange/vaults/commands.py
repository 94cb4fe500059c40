"""What owners, managers and depositors of vaults say. `account` asks; only the venue asks as its treasury.

Shares are decimal text, since they do not fit 64 bits; money is in 1e-8 of the vault's asset.
"""

from typing import Any

from common.exchange.commands import Command
from common.exchange.vaults.records import DAY_NS, RiskLimits


class CreateVault(Command, frozen=True, kw_only=True):
    """Open a vault that `account` owns. Nobody named as manager: the owner manages."""

    account: str
    vault: str
    asset: str
    manager: str = ""
    profit_share_bps: int = 0
    lock_up_ns: int = DAY_NS
    deposit_units_min: int = 1
    limits: RiskLimits = RiskLimits()


class ConfigureVault(Command, frozen=True, kw_only=True):
    """The owner changes terms; None keeps what is. The profit share only goes down, a lock-up is of later deposits."""

    account: str
    vault: str
    profit_share_bps: int | None = None
    lock_up_ns: int | None = None
    deposit_units_min: int | None = None
    limits: RiskLimits | None = None


class ChangeVaultManager(Command, frozen=True, kw_only=True):
    """The owner names another manager. The former one is paid its share of all profit so far first."""

    account: str
    vault: str
    manager: str


class DepositToVault(Command, frozen=True, kw_only=True):
    """Pay units of the free balance in, for at least so many shares (empty = any)."""

    account: str
    vault: str
    units: int
    shares_min: str = ""


class WithdrawFromVault(Command, frozen=True, kw_only=True):
    """Give shares back, None = all. What margin does not let go now is paid later, in the order of asking."""

    account: str
    vault: str
    shares: str | None = None


class CancelVaultWithdrawal(Command, frozen=True, kw_only=True):
    """Wait no more to be paid."""

    account: str
    vault: str


class CrystalliseProfit(Command, frozen=True, kw_only=True):
    """The manager or owner charges the profit share of one depositor now, or of all."""

    account: str
    vault: str
    depositor: str = ""


class PauseVault(Command, frozen=True, kw_only=True):
    """The owner lets no deposit in and only reducing orders; open orders end."""

    account: str
    vault: str


class ResumeVault(Command, frozen=True, kw_only=True):
    """The owner opens a paused or stopped vault again; drawdown counts from the present share price."""

    account: str
    vault: str


class CloseVault(Command, frozen=True, kw_only=True):
    """The owner ends a vault: everybody is paid as soon as nothing is open any more.

    With `force` positions are closed at the market at once, otherwise the manager has CLOSE_GRACE_NS to do so.
    """

    account: str
    vault: str
    force: bool = False


VaultCommand = (
    CreateVault
    | ConfigureVault
    | ChangeVaultManager
    | DepositToVault
    | WithdrawFromVault
    | CancelVaultWithdrawal
    | CrystalliseProfit
    | PauseVault
    | ResumeVault
    | CloseVault
)
"""All of them."""

OF_TREASURY: frozenset[Any] = frozenset(VaultCommand.__args__)
"""What the venue may do as its treasury: it owns the vault that takes over liquidated positions."""
