"""Liquidation: what becomes of a margin account, or of an isolated position, below its maintenance margin.

Open orders end and parts are merged. Then, each time that the mark or something else of the account changes and at
least after every pause:

1. An IOC order at no price worse than the one at which nothing would be left; of a large position at first a fifth.
   Then a pause, unless the margin is there again.
2. Below two thirds of the maintenance margin the order is for all and does not wait for the pause. What it leaves goes
   to the backstop, with the collateral, if the backstop's own margin allows that.
3. Below zero the insurance pays what is missing, if it can, once the position finds a taker: the backstop, or the book
   at prices that lose no more than the maintenance margin against the mark.
4. Otherwise the position is deleveraged. So after every command nobody is worth less than zero.

Between zero and two thirds a position that nobody takes waits: it owes nothing yet, and a forced close would cost
others.
"""

import msgspec

from common.exchange.commands import PlaceOrder
from common.exchange.core import LIQUIDATE, Core
from common.exchange.fees.volumes import NS_PER_DAY
from common.exchange.margin.accounts import Position
from common.exchange.margin.backstop import Backstop
from common.exchange.margin.bankruptcy import bankruptcy_price, first_lots
from common.exchange.margin.deleveraging import Deleveraging
from common.exchange.margin.events import (
    LiquidationEnded,
    LiquidationOrdered,
    LiquidationOutcome,
    LiquidationStarted,
)
from common.exchange.margin.insurance import Insurance
from common.exchange.margin.parts import Parts
from common.exchange.margin.scope import Scope, scopes_of
from common.exchange.money import fee_units
from common.exchange.orders import Orders
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key
from common.model.order import Side, TimeInForce

LIQUIDATED = "liquidated"


class Pending(msgspec.Struct):
    """A liquidation that goes on.

    resume_ns    it does not go to the book before
    has_tried    it has gone to the book, so it sells no more fifths
    is_urgent    it has gone to the book with less than two thirds of its margin
    """

    account: str
    asset: str
    symbol: str
    started_ns: int
    resume_ns: int = 0
    has_tried: bool = False
    is_urgent: bool = False


class LiquidationState(msgspec.Struct):
    """Pending liquidations by key of what is liquidated."""

    pending: dict[str, Pending] = msgspec.field(default_factory=dict)


class Liquidation:
    """Looks after margin accounts that need it."""

    def __init__(
        self,
        core: Core,
        orders: Orders,
        parts: Parts,
        backstop: Backstop,
        insurance: Insurance,
        deleveraging: Deleveraging,
    ) -> None:
        self._core, self._orders, self._parts = core, orders, parts
        self._backstop, self._insurance, self._deleveraging = backstop, insurance, deleveraging
        self.state = LiquidationState()

    def load(self, state: LiquidationState) -> None:
        """Become what `state` was."""
        self.state = state
        self._core.margin.liquidating = {(each.asset, each.account): None for each in state.pending.values()}

    def look_after(self, key: Key, _due_ns: int) -> None:
        """Go on with whatever of a margin account ("asset:account") needs it."""
        asset, _, account = str(key).partition(":")
        for scope in scopes_of(self._core.margin, asset, account):
            if not scope.is_healthy:
                self._begin(scope)
                self._go_on(scope, self.state.pending[scope.key])
            if scope.key in self.state.pending and scope.is_healthy:
                self._end(scope)

    def _begin(self, scope: Scope) -> None:
        """Leave nothing but one position in each market; orders that its owner has placed since last time end too."""
        core = self._core
        if scope.key not in self.state.pending:
            core.tell(
                LiquidationStarted(
                    time_ns=core.time_ns,
                    account=scope.account,
                    asset=scope.asset,
                    symbol=scope.symbol,
                    equity_units=scope.equity,
                    maintenance_units=scope.maintenance,
                )
            )
            self.state.pending[scope.key] = Pending(
                account=scope.account, asset=scope.asset, symbol=scope.symbol, started_ns=core.time_ns
            )
            core.margin.liquidating[scope.asset, scope.account] = None
        for order in self._orders.open_of(scope.account, scope.symbols):
            self._orders.end(order, LIQUIDATED)
        for symbol in scope.positions:
            self._parts.merge_all(scope.account, symbol)

    def _end(self, scope: Scope) -> None:
        core, pending = self._core, self.state.pending
        del pending[scope.key]
        others = [each for each in pending.values() if (each.asset, each.account) == (scope.asset, scope.account)]
        if not others:
            del core.margin.liquidating[scope.asset, scope.account]
        outcome = LiquidationOutcome.RECOVERED if scope.positions else LiquidationOutcome.CLOSED
        core.tell(
            LiquidationEnded(
                time_ns=core.time_ns, account=scope.account, asset=scope.asset, symbol=scope.symbol, outcome=outcome
            )
        )

    def _go_on(self, scope: Scope, pending: Pending) -> None:
        if scope.is_healthy:
            return
        beyond = scope.is_beyond_two_thirds
        has_waited = self._core.time_ns >= pending.resume_ns or scope.equity < 0 or (beyond and not pending.is_urgent)
        if scope.positions and has_waited:
            pending.is_urgent = beyond
            self._sell(scope, pending)
        if scope.is_healthy or not scope.is_beyond_two_thirds:
            return
        if scope.positions and self._backstop.can_take(scope):
            self._backstop.take(scope)
        elif scope.equity < 0:
            self._make_whole(scope)

    def _make_whole(self, scope: Scope) -> None:
        """Nothing of it may stay below zero."""
        deficit = -scope.equity
        if not scope.positions:
            self._insurance.cover(scope, deficit)
        elif deficit <= self._insurance.balance(scope.asset) and self._backstop.can_take(scope, deficit):
            self._insurance.cover(scope, deficit)
            self._backstop.take(scope)
        else:
            if plan := self._insured(scope):
                wallet = scope.owner.wallet if scope.symbol else 0
                for command in plan:
                    self._send(command)
                # What an isolated position owed its owner's wallet has paid until here.
                if not scope.positions and scope.owner.wallet < wallet:
                    self._insurance.cover(scope, wallet - scope.owner.wallet)
            if scope.positions and scope.equity < 0:
                self._deleveraging.run(scope)

    def _sell(self, scope: Scope, pending: Pending) -> None:
        """Try the book, largest margin first, until the margin is there."""
        core = self._core
        needs = {
            symbol: core.margin.maintenance_of(symbol, each.gross_lots) for symbol, each in scope.positions.items()
        }
        for symbol in sorted(needs, key=lambda each: (-needs[each], each)):
            position, perpetual = scope.owner.positions[symbol], core.margin.markets[symbol]
            lots = abs(position.lots)
            if not pending.has_tried and not scope.is_beyond_two_thirds:
                lots = first_lots(lots, lots * perpetual.lot_value, perpetual.rules.large_units)
            mark = perpetual.lot_value // perpetual.units_per_tick_lot
            price = bankruptcy_price(
                position.lots, mark, scope.equity, perpetual.units_per_tick_lot, self._taker_rate(scope.account)
            )
            self._try(scope, self._order(scope, symbol, position, lots, price))
            if scope.is_healthy:
                return
        pending.has_tried = True
        pause_s = max(core.margin.markets[symbol].rules.liquidation_pause_s for symbol in needs)
        pending.resume_ns = core.time_ns + pause_s * NS_PER_S
        core.schedule(pending.resume_ns, LIQUIDATE, f"{scope.asset}:{scope.account}")

    def _try(self, scope: Scope, command: PlaceOrder) -> None:
        if not self._orders.reachable(command):
            return
        wallet = scope.owner.wallet
        self._send(command)
        missing = wallet - scope.owner.wallet
        if not scope.symbol or missing <= 0:
            return
        # The fee is the position's, not the wallet's; of one that is gone, what each fill's fee was rounded up.
        position = scope.owner.positions[scope.symbol]
        if position.is_open and position.isolated is not None:
            scope.owner.wallet += missing
            position.isolated -= missing
        else:
            self._insurance.cover(scope, missing)

    def _insured(self, scope: Scope) -> list[PlaceOrder] | None:
        """Orders that close everything for a loss that the insurance can pay; None when there are none."""
        core, left = self._core, scope.equity
        plan = list[PlaceOrder]()
        for symbol, position in scope.positions.items():
            perpetual, lots = core.margin.markets[symbol], abs(position.lots)
            unit, mark = perpetual.units_per_tick_lot, perpetual.lot_value // perpetual.units_per_tick_lot
            sign = 1 if position.lots > 0 else -1
            margin_ticks = core.margin.maintenance_of(symbol, lots) // (lots * unit)
            command = self._order(scope, symbol, position, lots, max(1, mark - sign * margin_ticks))
            trades = self._orders.reachable(command)
            if sum(each for _price, each in trades) < lots:
                return None
            for price, each in trades:
                left += sign * (price - mark) * each * unit
                left -= fee_units(price * each * unit, self._taker_rate(scope.account))
            plan.append(command)
        return plan if -left <= self._insurance.balance(scope.asset) else None

    def _taker_rate(self, account: str) -> int:
        return max(0, self._core.fees.rates(account, self._core.time_ns // NS_PER_DAY)[1])

    def _order(self, scope: Scope, symbol: str, position: Position, lots: int, price: int) -> PlaceOrder:
        core, side = self._core, Side.SELL if position.lots > 0 else Side.BUY
        if band := core.markets[symbol].facts.band():
            price = max(price, band[0]) if side is Side.SELL else min(price, band[1])
        return PlaceOrder(
            time_ns=core.time_ns,
            account=scope.account,
            symbol=symbol,
            client_order_id=f"liquidation-{core.ledger.last_order_id + 1}",
            side=side,
            price_ticks=price,
            quantity_lots=min(lots, core.instruments[symbol].quantity_lots_max),
            time_in_force=TimeInForce.IOC,
            reduce_only=True,
        )

    def _send(self, command: PlaceOrder) -> None:
        self._core.tell(
            LiquidationOrdered(
                time_ns=self._core.time_ns,
                account=command.account,
                symbol=command.symbol,
                lots=command.quantity_lots,
                price_ticks=command.price_ticks,
            )
        )
        self._orders.force(command)
