"""What a vault does by itself: it charges profit, pays who waits, stops at its drawdown, and closes.

A vault is reviewed after commands that may matter to it and every REVIEW_NS while something waits: requests,
a closing, or a drawdown limit. Cheap for all others: they are not looked at.
"""

from common.exchange.commands import PlaceOrder
from common.exchange.core import Core
from common.exchange.events import TREASURY_ACCOUNT, TradeExecuted
from common.exchange.margin.parts import Parts
from common.exchange.orders import Orders
from common.exchange.purse import Purse
from common.exchange.reduce_only import reducible
from common.exchange.shares import price, price_text, redeemed
from common.exchange.states import Key
from common.exchange.vaults.accounting import Payout, is_overdue, pay_out, payout_of
from common.exchange.vaults.charges import charge_due, collect
from common.exchange.vaults.events import ProfitShareCharged, VaultClosed, VaultStopped, VaultWithdrawn
from common.exchange.vaults.limits import is_drawn_down
from common.exchange.vaults.records import VAULT_PREFIX, Vault, VaultStatus
from common.model.order import OrderType, Side, TimeInForce

REVIEW_NS = 10 * 10**9
CLOSE_GRACE_NS = 86_400 * 10**9
"""So long a manager may take to close positions of a vault that closes; then they are closed at the market."""

VAULT_REVIEW, VAULT_TIMER = "vault_review", "vault_timer"


class Reviews:
    """Looks after all vaults."""

    def __init__(self, core: Core, orders: Orders, parts: Parts, purse: Purse, vaults: dict[str, Vault]) -> None:
        self._core, self._orders, self._parts, self._purse, self._vaults = core, orders, parts, purse, vaults
        self._watched: dict[str, None] = {}
        core.doers |= {VAULT_REVIEW: self._react, VAULT_TIMER: self._wake}
        if core.config.features.vaults:
            core.on_trade.append(self._hear_trade)
            core.on_mark.append(self._hear_mark)

    def note(self, vault: Vault) -> None:
        """Keep the index of vaults for which something waits."""
        waits = bool(vault.queue) or vault.status is VaultStatus.CLOSING
        watches = vault.limits.drawdown_bps_max and vault.supply and vault.status is not VaultStatus.CLOSED
        if waits or watches:
            self._watched[vault.name] = None
        else:
            self._watched.pop(vault.name, None)

    def watch(self, vault: Vault) -> None:
        """Review a vault after this command and then from time to time, if something waits."""
        self.note(vault)
        if vault.name in self._watched:
            self._core.soon(VAULT_REVIEW, vault.name)
            self._set_timer(vault)

    def charge(self, vault: Vault, account: str, equity: int) -> None:
        """Take what an account owes the manager of its profit, in shares."""
        charge = charge_due(vault, account, equity)
        if charge is None:
            return
        collect(vault, account, charge)
        self._core.tell(
            ProfitShareCharged(
                time_ns=self._core.time_ns, vault=vault.name, account=account, manager=vault.manager,
                profit_units=charge.profit_units, due_units=charge.due_units, shares=str(charge.shares),
                high_water_mark=vault.depositors[account].high_water_mark,
            )
        )  # fmt: skip

    def charge_all(self, vault: Vault, equity: int) -> None:
        """Take what everybody owes, by account."""
        for account in sorted(vault.depositors):
            self.charge(vault, account, equity)

    def pay(self, vault: Vault, account: str, shares: int, equity: int) -> int:
        """Pay as much for some shares as is free; returns the shares that ended."""
        free = self._purse.payable(vault.account, vault.asset)
        payout = payout_of(shares, vault.supply, equity, free)
        if payout is None:
            return 0
        self._pay_out(vault, account, payout, equity)
        return payout.shares

    def end_orders(self, vault: Vault, reason: str) -> None:
        """End all open orders."""
        for order in self._orders.open_of(vault.account, self._purse.markets[vault.asset]):
            self._orders.end(order, reason)

    def _pay_out(self, vault: Vault, account: str, payout: Payout, equity: int) -> None:
        supply = vault.supply
        pay_out(vault, account, payout)
        self._purse.give(vault.account, vault.asset, account, payout.units)
        self._core.tell(
            VaultWithdrawn(
                time_ns=self._core.time_ns, vault=vault.name, account=account, units=payout.units,
                shares=str(payout.shares), equity_units=equity, supply=str(supply),
            )
        )  # fmt: skip

    def _hear_trade(self, trade: TradeExecuted) -> None:
        if not self._watched:
            return
        for party in (trade.maker, trade.taker):
            if party.account.startswith(VAULT_PREFIX):
                name = party.account.removeprefix(VAULT_PREFIX)
                if name in self._watched:
                    self._core.soon(VAULT_REVIEW, name)

    def _hear_mark(self, symbol: str) -> None:
        # By name: the order in which they came to be watched is not part of snapshots.
        for name in sorted(self._watched):
            if self._purse.is_holding(VAULT_PREFIX + name, symbol):
                self._core.soon(VAULT_REVIEW, name)

    def _react(self, name: Key, _due_ns: int) -> None:
        self._review(self._vaults[str(name)])

    def _wake(self, name: Key, _due_ns: int) -> None:
        vault = self._vaults[str(name)]
        vault.next_review_ns = 0
        self._review(vault)

    def _set_timer(self, vault: Vault) -> None:
        if not vault.next_review_ns:
            vault.next_review_ns = self._core.time_ns + REVIEW_NS
            self._core.schedule(vault.next_review_ns, VAULT_TIMER, vault.name)

    def _review(self, vault: Vault) -> None:
        equity = self._purse.equity(vault.account, vault.asset)
        if vault.status is not VaultStatus.CLOSED and equity is not None:
            self._look_at_drawdown(vault, equity)
            self._pay_queue(vault)
            if is_overdue(vault, self._core.time_ns):
                self._free_collateral(vault)
                self._pay_queue(vault)
            if vault.status is VaultStatus.CLOSING:
                self._close(vault)
        self.note(vault)
        if vault.name in self._watched:
            self._set_timer(vault)

    def _look_at_drawdown(self, vault: Vault, equity: int) -> None:
        if not vault.supply:
            return
        now = price(vault.supply, equity)
        if now > vault.peak_price:
            vault.peak_price = now
        elif not vault.is_stopped and is_drawn_down(vault.limits, vault.peak_price, now):
            vault.is_stopped = True
            self._core.tell(
                VaultStopped(
                    time_ns=self._core.time_ns, vault=vault.name, peak_price=price_text(vault.peak_price),
                    price=price_text(now),
                )
            )  # fmt: skip
            self.end_orders(vault, "vault_stopped")

    def _pay_queue(self, vault: Vault) -> None:
        """Pay from the front until somebody cannot be paid in full."""
        while vault.queue:
            request = vault.queue[0]
            equity = self._purse.equity(vault.account, vault.asset)
            if equity is None or equity <= 0:
                return
            self.charge(vault, request.account, equity)
            request.shares = min(request.shares, vault.depositors[request.account].shares)
            request.shares -= self.pay(vault, request.account, request.shares, equity)
            if request.shares:
                return
            vault.queue.pop(0)

    def _free_collateral(self, vault: Vault) -> None:
        """Somebody has waited too long: end the orders and close the part of each position that is owed."""
        equity = self._purse.equity(vault.account, vault.asset) or 0
        owed = sum(redeemed(each.shares, vault.supply, equity) for each in vault.queue)
        self.end_orders(vault, "vault_owes")
        if owed > self._purse.payable(vault.account, vault.asset) and equity > 0:
            self._reduce(vault, owed, equity)

    def _reduce(self, vault: Vault, part: int, whole: int) -> None:
        """Close part / whole of each position at the market, rounded up. What was split off is put back first."""
        for symbol in self._purse.markets[vault.asset]:
            if symbol in self._core.margin.markets:
                self._parts.merge_all(vault.account, symbol)
            lots = self._purse.lots(vault.account, symbol)
            closed = min(-(-abs(lots) * part // whole), abs(lots), self._reducible(vault, symbol))
            if closed > 0:
                number = self._core.ledger.last_order_id + 1
                self._orders.place(
                    PlaceOrder(
                        time_ns=self._core.time_ns, account=vault.account, symbol=symbol,
                        client_order_id=f"reduce-{number}", side=Side.SELL if lots > 0 else Side.BUY,
                        quantity_lots=min(closed, self._core.instruments[symbol].quantity_lots_max),
                        order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC, reduce_only=True,
                    )
                )  # fmt: skip

    def _reducible(self, vault: Vault, symbol: str) -> int:
        """Lots that a reduce-only order may trade: on spot those that were bought here, not what was given."""
        lots = self._purse.lots(vault.account, symbol)
        return reducible(self._core.position(vault.account, symbol), lots > 0)

    def _is_flat(self, vault: Vault) -> bool:
        markets, perpetuals = self._purse.markets[vault.asset], self._core.margin.markets
        for symbol in markets:
            if symbol in perpetuals and self._core.margin.position(vault.account, symbol).is_open:
                return False
            if self._purse.lots(vault.account, symbol) and self._reducible(vault, symbol):
                return False
        return not self._orders.open_of(vault.account, markets)

    def _close(self, vault: Vault) -> None:
        must = vault.is_forced or self._core.time_ns >= vault.closing_ns + CLOSE_GRACE_NS
        if must and not self._is_flat(vault):
            self.end_orders(vault, "vault_closing")
            self._reduce(vault, 1, 1)
        if self._is_flat(vault):
            self._pay_everybody(vault)

    def _pay_everybody(self, vault: Vault) -> None:
        """The manager last: its shares are complete only when everybody else was charged."""
        purse, account, asset = self._purse, vault.account, vault.asset
        vault.queue.clear()
        for name in [*sorted(vault.depositors.keys() - {vault.manager}), vault.manager]:
            cash = purse.payable(account, asset)
            self.charge(vault, name, cash)
            depositor = vault.depositors.get(name)
            if depositor is not None:
                units = redeemed(depositor.shares, vault.supply, cash)
                self._pay_out(vault, name, Payout(units=units, shares=depositor.shares), cash)
        dust = purse.payable(account, asset)
        purse.give(account, asset, TREASURY_ACCOUNT, dust)
        purse.give_goods(account, TREASURY_ACCOUNT)
        vault.status, vault.is_stopped = VaultStatus.CLOSED, False
        self._core.managers[account] = ""
        self._core.tell(VaultClosed(time_ns=self._core.time_ns, vault=vault.name, dust_units=dust))
