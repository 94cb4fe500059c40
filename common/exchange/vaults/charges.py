"""The manager's share of a depositor's profit, taken in the depositor's shares before they change for any other reason.

The high-water mark is each depositor's own (Drift's rule): net deposits + profit that was already charged. One for the
whole vault would let whoever joins below it ride to it for free.
"""

import msgspec

from common.exchange.shares import minted, redeemed
from common.exchange.vaults.records import Depositor, Vault


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """Profit above the high-water mark, what is due of it, and the shares that pay it."""

    profit_units: int
    due_units: int
    shares: int


def charge_of(depositor: Depositor, supply: int, equity: int, profit_share_bps: int) -> Charge | None:
    """What a depositor owes now. None when that is less than one unit or one share: then the mark stays where it is.

    Both roundings are down, so that it is never more than the agreed part of the profit, however often it is charged.
    """
    profit = redeemed(depositor.shares, supply, equity) - depositor.high_water_mark
    due = profit * profit_share_bps // 10_000
    if due <= 0:
        return None
    shares = minted(due, supply, equity)
    return Charge(profit_units=profit, due_units=due, shares=shares) if shares else None


def collect(vault: Vault, account: str, charge: Charge) -> None:
    """Move a charge's shares to the manager. Supply and share price stay as they are."""
    depositor = vault.depositors[account]
    depositor.shares -= charge.shares
    depositor.charged_profit += charge.profit_units - charge.due_units
    depositor.paid_profit_share += charge.due_units
    manager = vault.depositors.get(vault.manager)
    if manager is None:
        manager = vault.depositors[vault.manager] = Depositor()
    manager.shares += charge.shares
    manager.net_deposits += charge.due_units


def hand_over(vault: Vault, manager: str, equity: int) -> None:
    """Another manager from now on, who gets nothing of profits that were made before. Charge everybody first."""
    former = vault.depositors.get(vault.manager)
    if former is not None:
        value = redeemed(former.shares, vault.supply, equity)
        former.charged_profit += max(0, value - former.high_water_mark)
    vault.manager = manager


def charge_due(vault: Vault, account: str, equity: int) -> Charge | None:
    """What an account of a vault owes now; the manager owes itself nothing."""
    depositor = vault.depositors.get(account)
    if depositor is None or account == vault.manager:
        return None
    return charge_of(depositor, vault.supply, equity, vault.profit_share_bps)
