"""What happened to vaults. Shares are decimal text, money is in 1e-8 of the vault's asset."""

from common.exchange.events import Event
from common.exchange.vaults.records import RiskLimits


class VaultCreated(Event, frozen=True, kw_only=True):
    """A vault is open."""

    vault: str
    owner: str
    manager: str
    asset: str
    profit_share_bps: int
    lock_up_ns: int
    deposit_units_min: int
    limits: RiskLimits


class VaultConfigured(Event, frozen=True, kw_only=True):
    """A vault has these terms from now on."""

    vault: str
    profit_share_bps: int
    lock_up_ns: int
    deposit_units_min: int
    limits: RiskLimits


class VaultManagerChanged(Event, frozen=True, kw_only=True):
    """Somebody else gives a vault's orders."""

    vault: str
    manager: str


class VaultDeposited(Event, frozen=True, kw_only=True):
    """Somebody paid in and got shares. `equity_units` and `supply` are what they were before."""

    vault: str
    account: str
    units: int
    shares: str
    equity_units: int
    supply: str


class VaultWithdrawn(Event, frozen=True, kw_only=True):
    """Shares ended and their value was paid. `equity_units` and `supply` are what they were before."""

    vault: str
    account: str
    units: int
    shares: str
    equity_units: int
    supply: str


class VaultWithdrawalQueued(Event, frozen=True, kw_only=True):
    """So many shares wait to be paid behind `waiting` other requests."""

    vault: str
    account: str
    shares: str
    waiting: int


class VaultWithdrawalCanceled(Event, frozen=True, kw_only=True):
    """Shares wait no more: their owner did not want to, or has none left."""

    vault: str
    account: str
    shares: str


class ProfitShareCharged(Event, frozen=True, kw_only=True):
    """Shares went from a depositor to the manager, for `due_units` of `profit_units` above the high-water mark."""

    vault: str
    account: str
    manager: str
    profit_units: int
    due_units: int
    shares: str
    high_water_mark: int


class VaultPaused(Event, frozen=True, kw_only=True):
    """No deposits, only reducing orders."""

    vault: str


class VaultStopped(Event, frozen=True, kw_only=True):
    """The share price fell by the drawdown limit: all orders end, and it does what a paused one does."""

    vault: str
    peak_price: str
    price: str


class VaultResumed(Event, frozen=True, kw_only=True):
    """A vault does everything again."""

    vault: str


class VaultClosing(Event, frozen=True, kw_only=True):
    """A vault will be closed once nothing is open."""

    vault: str
    force: bool


class VaultClosed(Event, frozen=True, kw_only=True):
    """Everybody was paid; what rounding left went to the treasury."""

    vault: str
    dust_units: int
