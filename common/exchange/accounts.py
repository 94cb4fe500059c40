"""Balances of every account, in units of 1e-8, and the moves between them. Nothing is created or lost by a trade."""

from typing import Final

from common.exchange.events import EXTERNAL_ACCOUNT
from common.model.errors import InvariantBroken

BalancesState = dict[str, dict[str, tuple[int, int]]]
"""(free, locked) by account and asset."""

NOTHING_HELD: Final[dict[str, "Balance"]] = {}


class Balance:
    """`free` can be spent, `locked` backs open orders."""

    __slots__ = ("free", "locked")

    def __init__(self) -> None:
        self.free = self.locked = 0

    @property
    def total(self) -> int:
        """All that the account owns of the asset."""
        return self.free + self.locked


class Accounts:
    """Balances by account and asset. Raises InvariantBroken if any but the outside world's would become negative."""

    def __init__(self) -> None:
        self.by_account: dict[str, dict[str, Balance]] = {}

    def free(self, account: str, asset: str) -> int:
        """What an account can spend."""
        balance = self.by_account.get(account, NOTHING_HELD).get(asset)
        return 0 if balance is None else balance.free

    def balance(self, account: str, asset: str) -> Balance:
        """The balance, made at zero on first use."""
        held = self.by_account.get(account)
        if held is None:
            held = self.by_account[account] = {}
        balance = held.get(asset)
        if balance is None:
            balance = held[asset] = Balance()
        return balance

    def balances(self, account: str) -> dict[str, Balance]:
        """All balances of an account by asset."""
        return self.by_account.get(account, NOTHING_HELD)

    def names(self) -> list[str]:
        """Everybody who ever held anything."""
        return list(self.by_account)

    def total(self, asset: str) -> int:
        """Sum over all accounts: equals what was deposited, always."""
        return sum(held[asset].total for held in self.by_account.values() if asset in held)

    @property
    def state(self) -> BalancesState:
        """All of it, for snapshots."""
        return {
            account: {asset: (balance.free, balance.locked) for asset, balance in held.items()}
            for account, held in self.by_account.items()
        }

    def load(self, state: BalancesState) -> None:
        """Become what `state` was."""
        for account, held in state.items():
            for asset, (free, locked) in held.items():
                balance = self.balance(account, asset)
                balance.free, balance.locked = free, locked

    def credit(self, account: str, asset: str, units: int) -> None:
        """Add to (or with a negative number take from) the free part."""
        balance = self.by_account.get(account, NOTHING_HELD).get(asset) or self.balance(account, asset)
        free = balance.free + units
        if free < 0 and account != EXTERNAL_ACCOUNT:
            raise InvariantBroken(f"account {account} would own {free} free units of {asset}")
        balance.free = free
