"""A perpetual desk with one vault "v" of owner "boss" and manager "mary", and depositors who have cash."""

from common.exchange.commands import Deposit
from common.exchange.events import Event
from common.exchange.shares import SHARES_PER_UNIT
from common.exchange.vaults.commands import (
    CreateVault,
    DepositToVault,
    WithdrawFromVault,
)
from common.exchange.vaults.events import VaultWithdrawn
from common.model.order import Side
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk

V = "vault/v"
SHARE = UNIT * SHARES_PER_UNIT
"""Raw shares in one whole share, which costs one whole unit of money at first."""


class VaultDesk(PerpetualDesk):
    """The mark is 100; "other" trades against the vault. Vault "v" has no lock-up unless it is asked for."""

    def __init__(self, **terms) -> None:  # type: ignore[no-untyped-def]
        """`terms` of the vault; `desk` has options of the desk."""
        super().__init__("other", money=1_000_000, **terms.pop("desk", {}))
        for account in ("boss", "mary", "a", "b", "c"):
            self.cash(account, 10_000)
        self.mark(100)
        self.run(CreateVault, account="boss", vault="v", asset="USD", manager="mary", **{"lock_up_ns": 0} | terms)

    @property
    def vault(self):  # type: ignore[no-untyped-def]
        """The vault's records."""
        return self.exchange.vaults.vaults["v"]

    def cash(self, account: str, money: int) -> None:
        """Deposit whole units as a spot balance."""
        self.deposited += money * UNIT
        self.run(Deposit, account=account, asset="USD", units=money * UNIT)

    def free(self, account: str) -> float:
        """Whole units of cash."""
        return self.exchange.ledger.accounts.free(account, "USD") / UNIT

    def pay_in(self, account: str, money: int, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """Deposit whole units to the vault."""
        return self.run(DepositToVault, account=account, vault="v", units=money * UNIT, **terms)

    def pay_out(self, account: str, shares: int | None = None) -> list[Event]:
        """Withdraw whole shares, or all."""
        text = None if shares is None else str(shares * SHARE)
        return self.run(WithdrawFromVault, account=account, vault="v", shares=text)

    def order(self, side: Side, price: int, lots: int, by: str = "mary", **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """An order of the vault."""
        return self.place(V, side, price, lots, by=by, **terms)

    def win(self, money: int) -> None:
        """Let the vault earn a multiple of ten whole units (or lose it) with a position that is closed again."""
        lots, price = abs(money) // 10, 100 + (10 if money > 0 else -10)
        self.order(Side.BUY, 100, lots)
        self.place("other", Side.SELL, 100, lots)
        self.order(Side.SELL, price, lots)
        self.place("other", Side.BUY, price, lots)

    def worth(self) -> float:
        """Whole units of equity."""
        return self.exchange.vaults.view("v").equity_units / UNIT  # type: ignore[operator]

    def shares(self, account: str) -> float:
        """Whole shares of an account, to the hundred-millionth."""
        depositor = self.vault.depositors.get(account)
        return 0 if depositor is None else depositor.shares // SHARES_PER_UNIT / UNIT


def paid(events: list[Event]) -> list[tuple[str, float]]:
    """(account, whole units) of payouts among events."""
    return [(event.account, event.units / UNIT) for event in events if isinstance(event, VaultWithdrawn)]
