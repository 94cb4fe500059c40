"""What a vault is: its people, its terms, who owns which shares, who waits to be paid."""

from enum import StrEnum

import msgspec

VAULT_PREFIX = "vault/"
VAULTS_MAX = 10_000
VAULTS_OF_OWNER_MAX = 20
"""That are not closed."""

PROFIT_SHARE_BPS_MAX = 5_000
DAY_NS = 86_400 * 10**9
LOCK_UP_NS_MAX = 30 * DAY_NS
DEPOSITORS_MAX = 10_000
"""Of one vault. Each has at most one request to be paid, so this bounds the queue too and nobody can fill it."""

LEVERAGE_SCALE = 100
"""A leverage of 250 is 2.5 times the equity."""


class VaultStatus(StrEnum):
    """What a vault does.

    OPEN     everything
    PAUSED   no deposits, orders only to reduce; whoever wants to leave is paid as always
    CLOSING  as paused, until nothing is open any more; then everybody is paid
    CLOSED   nothing, for ever
    """

    OPEN = "open"
    PAUSED = "paused"
    CLOSING = "closing"
    CLOSED = "closed"


class RiskLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a vault's orders may lead to at worst, all open orders of one side filled. 0 or empty = no limit.

    leverage_max              gross notional / equity, in units of 1 / LEVERAGE_SCALE
    gross_notional_units_max  sum over markets of |position| at the mark price, 1e-8 of the vault's asset
    position_lots_max         largest |position| by symbol
    symbols                   the only markets; empty = every market that has the vault's asset as collateral
    drawdown_bps_max          fall of the share price from its peak at which all orders end and only reducing ones pass
    """

    leverage_max: int = 0
    gross_notional_units_max: int = 0
    position_lots_max: dict[str, int] = {}
    symbols: tuple[str, ...] = ()
    drawdown_bps_max: int = 0


class Depositor(msgspec.Struct, kw_only=True):
    """Shares of one account, and on what profit it was charged.

    net_deposits     units paid in minus units paid out; shares that it got as profit share count as paid in
    charged_profit   units of profit that a profit share was taken of, without what was taken
    locked_until_ns  the latest deposit's lock-up: nothing leaves before
    """

    shares: int = 0
    net_deposits: int = 0
    charged_profit: int = 0
    paid_profit_share: int = 0
    locked_until_ns: int = 0

    @property
    def high_water_mark(self) -> int:
        """Units that the shares must be worth more than before a profit share is due."""
        return self.net_deposits + self.charged_profit


class Request(msgspec.Struct, kw_only=True):
    """Somebody waits for the value of so many shares."""

    account: str
    shares: int
    requested_ns: int


class Vault(msgspec.Struct, kw_only=True):
    """One vault. Its money is that of the account `VAULT_PREFIX + name`, so its equity is never written down here.

    `peak_price` is the highest share price seen (`shares.price`), `is_stopped` says that the drawdown limit was hit.
    `is_forced` closes at the market what is open at `closing_ns` or later. `next_review_ns` is when it is looked at
    again without a cause, 0 = never.
    """

    name: str
    owner: str
    manager: str
    asset: str
    profit_share_bps: int
    lock_up_ns: int
    deposit_units_min: int
    limits: RiskLimits
    created_ns: int
    status: VaultStatus = VaultStatus.OPEN
    supply: int = 0
    depositors: dict[str, Depositor] = {}
    queue: list[Request] = []
    peak_price: int = 0
    is_stopped: bool = False
    is_forced: bool = False
    closing_ns: int = 0
    next_review_ns: int = 0

    @property
    def account(self) -> str:
        """The account that holds its money and gives its orders."""
        return VAULT_PREFIX + self.name
