"""What may be seen of vaults. Computed from records and equity, changes nothing. Shares are decimal text."""

import msgspec

from common.exchange.shares import price, price_text, redeemed
from common.exchange.vaults.charges import charge_due
from common.exchange.vaults.records import RiskLimits, Vault, VaultStatus


class VaultView(msgspec.Struct, frozen=True, kw_only=True):
    """A vault now. Money in 1e-8 of its asset, None = goods without a price.

    share_price    decimal, 1.000000000 = that of the first share
    return_bps     change of the share price since the vault began
    drawdown_bps   fall of the share price from the highest one seen
    """

    vault: str
    owner: str
    manager: str
    asset: str
    status: VaultStatus
    is_stopped: bool
    profit_share_bps: int
    lock_up_ns: int
    deposit_units_min: int
    limits: RiskLimits
    equity_units: int | None
    supply: str
    share_price: str | None
    return_bps: int | None
    drawdown_bps: int | None
    depositors: int
    waiting: int
    created_ns: int


class DepositorView(msgspec.Struct, frozen=True, kw_only=True):
    """One depositor now.

    value_units    what the shares are worth; `due_units` of it is the manager's when it is charged
    profit_units   value less net deposits, after what was charged so far
    """

    vault: str
    account: str
    shares: str
    net_deposits: int
    high_water_mark: int
    paid_profit_share: int
    locked_until_ns: int
    value_units: int | None
    profit_units: int | None
    due_units: int | None


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who waits to be paid, and what the shares are worth now."""

    account: str
    shares: str
    requested_ns: int
    value_units: int | None


def vault_view(vault: Vault, equity: int | None) -> VaultView:
    """A vault of such an equity."""
    now = None if equity is None else price(vault.supply, equity)
    peak = max(vault.peak_price, now or 0)
    return VaultView(
        vault=vault.name, owner=vault.owner, manager=vault.manager, asset=vault.asset, status=vault.status,
        is_stopped=vault.is_stopped, profit_share_bps=vault.profit_share_bps, lock_up_ns=vault.lock_up_ns,
        deposit_units_min=vault.deposit_units_min, limits=vault.limits, equity_units=equity,
        supply=str(vault.supply), share_price=None if now is None else price_text(now),
        return_bps=None if now is None else (now - 10**9) * 10_000 // 10**9,
        drawdown_bps=None if now is None or not peak else (peak - now) * 10_000 // peak,
        depositors=len(vault.depositors), waiting=len(vault.queue), created_ns=vault.created_ns,
    )  # fmt: skip


def depositor_view(vault: Vault, account: str, equity: int | None) -> DepositorView:
    """One depositor of a vault of such an equity."""
    depositor = vault.depositors[account]
    value = None if equity is None else redeemed(depositor.shares, vault.supply, equity)
    charge = None if equity is None else charge_due(vault, account, equity)
    return DepositorView(
        vault=vault.name, account=account, shares=str(depositor.shares), net_deposits=depositor.net_deposits,
        high_water_mark=depositor.high_water_mark, paid_profit_share=depositor.paid_profit_share,
        locked_until_ns=depositor.locked_until_ns, value_units=value,
        profit_units=None if value is None else value - depositor.net_deposits,
        due_units=None if equity is None else 0 if charge is None else charge.due_units,
    )  # fmt: skip


def queue_view(vault: Vault, equity: int | None) -> list[RequestView]:
    """Who waits, first first. What a charge has taken since is waited for no more."""
    views = []
    for each in vault.queue:
        shares = min(each.shares, vault.depositors[each.account].shares)
        value = None if equity is None else redeemed(shares, vault.supply, equity)
        views.append(
            RequestView(account=each.account, shares=str(shares), requested_ns=each.requested_ns, value_units=value)
        )
    return views
