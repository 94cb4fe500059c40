"""Vaults as the exchange runs them: what owners, managers and depositors may say, and what comes of it."""

from collections.abc import Callable
from typing import Any

import msgspec

from common.exchange.admission import is_name, is_whole
from common.exchange.core import Core
from common.exchange.events import SPECIAL_ACCOUNTS, RejectReason
from common.exchange.margin.commands import MoveCollateral, SetLeverage
from common.exchange.margin.parts import Parts
from common.exchange.orders import Orders
from common.exchange.purse import Purse
from common.exchange.refusal import Refused, feature_off
from common.exchange.shares import price, redeemed, shares_of_text
from common.exchange.vaults import queries
from common.exchange.vaults.accounting import deposit_refusal, pay_in
from common.exchange.vaults.charges import hand_over
from common.exchange.vaults.commands import (
    CancelVaultWithdrawal,
    ChangeVaultManager,
    CloseVault,
    ConfigureVault,
    CreateVault,
    CrystalliseProfit,
    DepositToVault,
    PauseVault,
    ResumeVault,
    WithdrawFromVault,
)
from common.exchange.vaults.events import (
    VaultClosing,
    VaultConfigured,
    VaultCreated,
    VaultDeposited,
    VaultManagerChanged,
    VaultPaused,
    VaultResumed,
    VaultWithdrawalCanceled,
    VaultWithdrawalQueued,
)
from common.exchange.vaults.limits import limits_fit
from common.exchange.vaults.mandate import Mandate
from common.exchange.vaults.records import (
    LOCK_UP_NS_MAX,
    PROFIT_SHARE_BPS_MAX,
    VAULT_PREFIX,
    VAULTS_MAX,
    VAULTS_OF_OWNER_MAX,
    Request,
    RiskLimits,
    Vault,
    VaultStatus,
)
from common.exchange.vaults.reviews import Reviews


class VaultsState(msgspec.Struct, kw_only=True):
    """All vaults as JSON, because shares need integers beyond the 64 bits of other encodings."""

    vaults: bytes


class Vaults:
    """All vaults by name."""

    def __init__(self, core: Core, orders: Orders, parts: Parts) -> None:
        self._core = core
        self.purse = Purse(core)
        self.vaults: dict[str, Vault] = {}
        self._mandate = Mandate(core, self.purse)
        self._reviews = Reviews(core, orders, parts, self.purse, self.vaults)
        self.trading: frozenset[Any] = frozenset((SetLeverage, MoveCollateral))
        """A manager chooses leverage, and moves money between the vault's own spot balance and its wallet."""
        self.handlers: dict[Any, Callable[[Any], None]] = {
            CreateVault: self.create,
            ConfigureVault: self.configure,
            ChangeVaultManager: self.change_manager,
            DepositToVault: self.deposit,
            WithdrawFromVault: self.withdraw,
            CancelVaultWithdrawal: self.cancel_withdrawal,
            CrystalliseProfit: self.crystallise,
            PauseVault: self.pause,
            ResumeVault: self.resume,
            CloseVault: self.close,
        }
        if not core.config.features.vaults:
            self.handlers = dict.fromkeys(self.handlers, feature_off)

    @property
    def state(self) -> VaultsState:
        """All of it, for snapshots."""
        return VaultsState(vaults=msgspec.json.encode(self.vaults, order="deterministic"))

    def load(self, state: VaultsState) -> None:
        """Become what `state` was."""
        for name, vault in msgspec.json.decode(state.vaults, type=dict[str, Vault]).items():
            self._add(name, vault)

    def create(self, command: CreateVault) -> None:
        """Open a vault."""
        core, name = self._core, command.vault
        manager = command.manager or command.account
        _check_names(name, manager)
        _check_manager(manager, command.account)
        if name in self.vaults or self.purse.is_used(VAULT_PREFIX + name):
            raise Refused(RejectReason.NAME_TAKEN, name)
        live = [each for each in self.vaults.values() if each.status is not VaultStatus.CLOSED]
        owned = sum(each.owner == command.account for each in live)
        if len(self.vaults) >= VAULTS_MAX or owned >= VAULTS_OF_OWNER_MAX:
            raise Refused(RejectReason.TOO_MANY_FUNDS, f"at most {VAULTS_MAX}, {VAULTS_OF_OWNER_MAX} of one owner")
        if command.asset not in self.purse.markets:
            raise Refused(RejectReason.UNKNOWN_MARKET, f"no market pays in {command.asset}")
        vault = Vault(
            name=name, owner=command.account, manager=manager, asset=command.asset, created_ns=core.time_ns,
            profit_share_bps=command.profit_share_bps, lock_up_ns=command.lock_up_ns,
            deposit_units_min=command.deposit_units_min, limits=command.limits,
        )  # fmt: skip
        self._check_terms(vault)
        self._add(name, vault)
        core.tell(
            VaultCreated(
                time_ns=core.time_ns, vault=name, owner=vault.owner, manager=manager, asset=vault.asset,
                profit_share_bps=vault.profit_share_bps, lock_up_ns=vault.lock_up_ns,
                deposit_units_min=vault.deposit_units_min, limits=vault.limits,
            )
        )  # fmt: skip

    def configure(self, command: ConfigureVault) -> None:
        """Other terms."""
        vault = self._owned(command.vault, command.account)
        asked = msgspec.structs.replace(
            vault,
            profit_share_bps=_or(command.profit_share_bps, vault.profit_share_bps),
            lock_up_ns=_or(command.lock_up_ns, vault.lock_up_ns),
            deposit_units_min=_or(command.deposit_units_min, vault.deposit_units_min),
            limits=command.limits or vault.limits,
        )
        self._check_terms(asked)
        if asked.profit_share_bps > vault.profit_share_bps:
            raise Refused(RejectReason.ONLY_DOWNWARDS, f"the profit share is {vault.profit_share_bps} bps")
        vault.profit_share_bps, vault.lock_up_ns = asked.profit_share_bps, asked.lock_up_ns
        vault.deposit_units_min, vault.limits = asked.deposit_units_min, asked.limits
        self._core.tell(
            VaultConfigured(
                time_ns=self._core.time_ns, vault=vault.name, profit_share_bps=vault.profit_share_bps,
                lock_up_ns=vault.lock_up_ns, deposit_units_min=vault.deposit_units_min, limits=vault.limits,
            )
        )  # fmt: skip
        self._reviews.watch(vault)

    def change_manager(self, command: ChangeVaultManager) -> None:
        """Settle with the former manager, then somebody else gives the orders."""
        vault = self._owned(command.vault, command.account)
        _check_names(command.manager)
        _check_manager(command.manager, vault.owner)
        equity = self._equity(vault)
        self._reviews.charge_all(vault, equity)
        hand_over(vault, command.manager, equity)
        self._core.managers[vault.account] = vault.manager
        self._core.tell(VaultManagerChanged(time_ns=self._core.time_ns, vault=vault.name, manager=vault.manager))

    def deposit(self, command: DepositToVault) -> None:
        """Money for shares."""
        core, vault, account = self._core, self._named(command.vault), command.account
        units, shares_min = command.units, shares_of_text(command.shares_min) if command.shares_min else 0
        if not is_whole(units, 1) or shares_min is None:
            raise Refused(RejectReason.AMOUNT_INVALID, "units and shares_min must be positive")
        equity = self._equity(vault)
        if reason := deposit_refusal(vault, account, units, equity, shares_min):
            raise Refused(reason)
        if units > core.ledger.accounts.free(account, vault.asset):
            raise Refused(RejectReason.INSUFFICIENT_BALANCE)
        self._reviews.charge(vault, account, equity)
        supply = vault.supply
        shares = pay_in(vault, account, units, equity, core.time_ns)
        self.purse.take(account, vault.account, vault.asset, units, vault.asset in self.purse.collateral)
        vault.peak_price = max(vault.peak_price, price(vault.supply, equity + units))
        core.tell(
            VaultDeposited(
                time_ns=core.time_ns, vault=vault.name, account=account, units=units, shares=str(shares),
                equity_units=equity, supply=str(supply),
            )
        )  # fmt: skip
        self._reviews.watch(vault)

    def withdraw(self, command: WithdrawFromVault) -> None:
        """Shares for money, now or later."""
        core, vault, account = self._core, self._named(command.vault), command.account
        depositor = vault.depositors.get(account)
        if depositor is None:
            raise Refused(RejectReason.NO_SHARES)
        asked = depositor.shares if command.shares is None else shares_of_text(command.shares)
        if asked is None:
            raise Refused(RejectReason.AMOUNT_INVALID, "shares must be positive decimal digits")
        if asked > depositor.shares:
            raise Refused(RejectReason.NO_SHARES, f"has {depositor.shares}")
        if core.time_ns < depositor.locked_until_ns:
            raise Refused(RejectReason.LOCKED_UP, f"until {depositor.locked_until_ns}")
        if any(each.account == account for each in vault.queue):
            raise Refused(RejectReason.ALREADY_REQUESTED)
        equity = self._equity(vault)
        if equity <= 0:
            raise Refused(RejectReason.NO_EQUITY)
        if not redeemed(asked, vault.supply, equity):
            raise Refused(RejectReason.AMOUNT_INVALID, "so few shares are worth nothing")
        self._reviews.charge(vault, account, equity)
        rest = min(asked, depositor.shares)
        if not vault.queue:
            rest -= self._reviews.pay(vault, account, rest, equity)
        if rest:
            vault.queue.append(Request(account=account, shares=rest, requested_ns=core.time_ns))
            core.tell(
                VaultWithdrawalQueued(
                    time_ns=core.time_ns, vault=vault.name, account=account, shares=str(rest),
                    waiting=len(vault.queue) - 1,
                )
            )  # fmt: skip
        self._reviews.watch(vault)

    def cancel_withdrawal(self, command: CancelVaultWithdrawal) -> None:
        """Wait no more."""
        vault = self._named(command.vault)
        request = next((each for each in vault.queue if each.account == command.account), None)
        if request is None:
            raise Refused(RejectReason.NOT_REQUESTED)
        vault.queue.remove(request)
        self._core.tell(
            VaultWithdrawalCanceled(
                time_ns=self._core.time_ns, vault=vault.name, account=command.account, shares=str(request.shares)
            )
        )
        self._reviews.watch(vault)

    def crystallise(self, command: CrystalliseProfit) -> None:
        """Charge one depositor or all."""
        vault = self._named(command.vault)
        if command.account not in (vault.owner, vault.manager):
            raise Refused(RejectReason.NOT_AUTHORISED, "only the owner or the manager")
        if command.depositor and command.depositor not in vault.depositors:
            raise Refused(RejectReason.NO_SHARES, command.depositor)
        equity = self._equity(vault)
        if command.depositor:
            self._reviews.charge(vault, command.depositor, equity)
        else:
            self._reviews.charge_all(vault, equity)

    def pause(self, command: PauseVault) -> None:
        """No deposits, only reducing orders."""
        vault = self._owned(command.vault, command.account)
        if vault.status is not VaultStatus.OPEN:
            raise Refused(RejectReason.NOT_OPEN, vault.status.value)
        vault.status = VaultStatus.PAUSED
        self._core.tell(VaultPaused(time_ns=self._core.time_ns, vault=vault.name))
        self._reviews.end_orders(vault, "vault_paused")

    def resume(self, command: ResumeVault) -> None:
        """Open again."""
        vault = self._owned(command.vault, command.account)
        if vault.status is VaultStatus.CLOSING or (vault.status is VaultStatus.OPEN and not vault.is_stopped):
            raise Refused(RejectReason.NOT_OPEN, "it is neither paused nor stopped")
        vault.peak_price = price(vault.supply, self._equity(vault))
        vault.status, vault.is_stopped = VaultStatus.OPEN, False
        self._core.tell(VaultResumed(time_ns=self._core.time_ns, vault=vault.name))
        self._reviews.watch(vault)

    def close(self, command: CloseVault) -> None:
        """Begin to close, or close by force what is closing already."""
        vault = self._owned(command.vault, command.account)
        if vault.status is VaultStatus.CLOSING and (vault.is_forced or not command.force):
            raise Refused(RejectReason.NOT_OPEN, vault.status.value)
        if vault.status is not VaultStatus.CLOSING:
            vault.status, vault.closing_ns = VaultStatus.CLOSING, self._core.time_ns
        vault.is_forced = bool(command.force)
        self._core.tell(VaultClosing(time_ns=self._core.time_ns, vault=vault.name, force=vault.is_forced))
        self._reviews.end_orders(vault, "vault_closing")
        self._reviews.watch(vault)

    def view(self, name: str) -> queries.VaultView:
        """A vault as anybody may see it. Raises Refused."""
        vault = self._named(name)
        return queries.vault_view(vault, self.purse.equity(vault.account, vault.asset))

    def depositors(self, name: str) -> list[queries.DepositorView]:
        """Everybody's shares, by account. Raises Refused."""
        vault = self._named(name)
        equity = self.purse.equity(vault.account, vault.asset)
        return [queries.depositor_view(vault, account, equity) for account in sorted(vault.depositors)]

    def queue(self, name: str) -> list[queries.RequestView]:
        """Who waits to be paid, first first. Raises Refused."""
        vault = self._named(name)
        return queries.queue_view(vault, self.purse.equity(vault.account, vault.asset))

    def _add(self, name: str, vault: Vault) -> None:
        self.vaults[name] = vault
        self._core.managers[vault.account] = "" if vault.status is VaultStatus.CLOSED else vault.manager
        self._core.limits[vault.account] = self._mandate.limit(vault)
        self._reviews.note(vault)

    def _named(self, name: str) -> Vault:
        vault = self.vaults.get(name)
        if vault is None:
            raise Refused(RejectReason.UNKNOWN_VAULT, str(name))
        return vault

    def _owned(self, name: str, account: str) -> Vault:
        vault = self._named(name)
        if account != vault.owner:
            raise Refused(RejectReason.NOT_AUTHORISED, "only the owner")
        if vault.status is VaultStatus.CLOSED:
            raise Refused(RejectReason.NOT_OPEN, vault.status.value)
        return vault

    def _equity(self, vault: Vault) -> int:
        equity = self.purse.equity(vault.account, vault.asset)
        if equity is None:
            raise Refused(RejectReason.NO_MARK_PRICE)
        return equity

    def _check_terms(self, vault: Vault) -> None:
        if not is_whole(vault.profit_share_bps, 0, PROFIT_SHARE_BPS_MAX):
            raise Refused(RejectReason.TERMS_INVALID, f"profit_share_bps is 0 to {PROFIT_SHARE_BPS_MAX}")
        if not is_whole(vault.lock_up_ns, 0, LOCK_UP_NS_MAX):
            raise Refused(RejectReason.TERMS_INVALID, f"lock_up_ns is 0 to {LOCK_UP_NS_MAX}")
        if not is_whole(vault.deposit_units_min, 1):
            raise Refused(RejectReason.TERMS_INVALID, "deposit_units_min is a positive integer")
        limits = vault.limits
        if not isinstance(limits, RiskLimits) or not limits_fit(limits, self.purse.markets[vault.asset]):
            raise Refused(RejectReason.TERMS_INVALID, "limits")


def _check_names(*names: str) -> None:
    if not all(is_name(name) for name in names):
        raise Refused(RejectReason.NAME_INVALID, "letters, digits, _ and -, at most 32")


def _check_manager(manager: str, owner: str) -> None:
    if manager in SPECIAL_ACCOUNTS and manager != owner:
        raise Refused(RejectReason.NAME_INVALID, f"{manager} manages for nobody")


def _or(asked: int | None, present: int) -> int:
    return present if asked is None else asked
