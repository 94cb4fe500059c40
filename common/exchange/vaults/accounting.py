"""Shares of a vault: decided from its records and its equity, then written in one go.

`equity` is always the margin equity of the vault's account before the payment in question.
"""

import msgspec

from common.exchange.events import RejectReason
from common.exchange.shares import SHARES_MAX, burned, minted, redeemed
from common.exchange.vaults.records import DAY_NS, DEPOSITORS_MAX, Depositor, Vault, VaultStatus

PART_BPS_MIN = 100
"""A request is paid in parts of at least this share of what it waits for, so that it ends after 100 parts."""


OWED_GRACE_NS = DAY_NS
"""So long a request may wait for the manager to free collateral; then it is freed at the market."""


class Payout(msgspec.Struct, frozen=True, kw_only=True):
    """Units that leave for so many shares that end."""

    units: int
    shares: int


def deposit_refusal(vault: Vault, account: str, units: int, equity: int, shares_min: int = 0) -> RejectReason | None:
    """Why a payment into a vault is refused, whoever could pay it."""
    if vault.status is not VaultStatus.OPEN or vault.is_stopped:
        return RejectReason.NOT_OPEN
    if units < max(vault.deposit_units_min, 1):
        return RejectReason.AMOUNT_INVALID
    # Shares without equity are worthless or in debt: whoever paid now would pay the others' losses.
    if equity < 0 or (vault.supply and equity == 0):
        return RejectReason.NO_EQUITY
    if account not in vault.depositors and len(vault.depositors) >= DEPOSITORS_MAX:
        return RejectReason.TOO_MANY_DEPOSITORS
    shares = minted(units, vault.supply, equity)
    if not shares:
        return RejectReason.ZERO_SHARES
    if shares < shares_min:
        return RejectReason.WORSE_THAN_AGREED
    return RejectReason.TOO_MANY_SHARES if vault.supply + shares > SHARES_MAX else None


def pay_in(vault: Vault, account: str, units: int, equity: int, time_ns: int) -> int:
    """Mint the shares of an accepted payment, locked up from now. Returns them."""
    shares = minted(units, vault.supply, equity)
    depositor = vault.depositors.get(account)
    if depositor is None:
        depositor = vault.depositors[account] = Depositor()
    depositor.shares += shares
    depositor.net_deposits += units
    depositor.locked_until_ns = max(depositor.locked_until_ns, time_ns + vault.lock_up_ns)
    vault.supply += shares
    return shares


def payout_of(shares: int, supply: int, equity: int, free_units: int) -> Payout | None:
    """What some shares are paid now: all of their value or as much as is free. None = too little is free to begin."""
    value = redeemed(shares, supply, equity)
    if value <= free_units:
        return Payout(units=value, shares=shares)
    if free_units * 10_000 < value * PART_BPS_MIN or free_units <= 0:
        return None
    return Payout(units=free_units, shares=burned(free_units, supply, equity))


def pay_out(vault: Vault, account: str, payout: Payout) -> None:
    """Burn the shares of a payout. Whoever has none left is forgotten."""
    depositor = vault.depositors[account]
    depositor.shares -= payout.shares
    depositor.net_deposits -= payout.units
    vault.supply -= payout.shares
    if not depositor.shares:
        del vault.depositors[account]


def is_overdue(vault: Vault, time_ns: int) -> bool:
    """True when somebody has waited too long to be paid."""
    return bool(vault.queue) and time_ns >= vault.queue[0].requested_ns + OWED_GRACE_NS
