"""Collateral and its terms: between spot and margin, leverage, and what backs a position."""

from collections.abc import Callable
from typing import Any

from common.exchange.admission import is_amount, is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.margin.accounts import MarginAccount, Position
from common.exchange.margin.commands import MoveCollateral, MoveIsolatedMargin, SetLeverage, SetMarginMode
from common.exchange.margin.events import CollateralMoved, IsolatedMarginMoved, LeverageSet, MarginModeSet
from common.exchange.margin.margin import Perpetual
from common.exchange.refusal import Refused


class Collateral:
    """Carries out what owners do with their margin accounts."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._assets = {market.asset for market in core.margin.markets.values()}
        self.handlers: dict[Any, Callable[[Any], None]] = {
            MoveCollateral: self.move,
            SetLeverage: self.set_leverage,
            SetMarginMode: self.set_mode,
            MoveIsolatedMargin: self.move_isolated,
        }

    def move(self, command: MoveCollateral) -> None:
        """Between the spot balance and the margin wallet."""
        core, account, asset, units = self._core, command.account, command.asset, command.units
        if asset not in self._assets:
            raise Refused(RejectReason.AMOUNT_INVALID, f"{asset} is no collateral here")
        if not is_amount(units):
            raise Refused(RejectReason.AMOUNT_INVALID, f"units must not be 0, got {units!r}")
        if units > 0 and units > core.ledger.accounts.free(account, asset):
            raise Refused(RejectReason.INSUFFICIENT_BALANCE)
        if units < 0 and core.margin.is_liquidating(account):
            raise Refused(RejectReason.IN_LIQUIDATION)
        if units < 0 and -units > core.margin.withdrawable(core.margin.account(account, asset)):
            raise Refused(RejectReason.INSUFFICIENT_MARGIN)
        core.ledger.accounts.credit(account, asset, -units)
        core.margin.accounts.open(account, asset).wallet += units
        core.margin.touched[asset, account] = None
        core.tell(CollateralMoved(time_ns=core.time_ns, account=account, asset=asset, units=units))

    def set_leverage(self, command: SetLeverage) -> None:
        """Another leverage."""
        core, market = self._core, self._market(command.symbol)
        if not is_whole(command.leverage, 1, market.table.leverage_max):
            raise Refused(RejectReason.LEVERAGE_INVALID, f"1 to {market.table.leverage_max}, got {command.leverage!r}")
        owner, position = self._look(command.account, market)
        before = core.margin.order_margin(market.symbol, position, position.worst_lots)
        asked = position.copy()
        asked.leverage = command.leverage
        more = core.margin.order_margin(market.symbol, asked, asked.worst_lots) - before
        if position.isolated is not None and position.is_open:
            lots_value = position.gross_lots * market.lot_value
            needed = market.table.initial(lots_value, command.leverage)
            if core.margin.isolated_equity(market.symbol, position) < needed:
                raise Refused(RejectReason.INSUFFICIENT_MARGIN, "the position's own collateral is too small")
        if more > 0 and core.margin.available(owner) < more:
            raise Refused(RejectReason.INSUFFICIENT_MARGIN)
        core.margin.held(command.account, market.symbol).leverage = command.leverage
        core.tell(
            LeverageSet(time_ns=core.time_ns, account=command.account, symbol=market.symbol, leverage=command.leverage)
        )

    def set_mode(self, command: SetMarginMode) -> None:
        """Cross or isolated."""
        core, market = self._core, self._market(command.symbol)
        _owner, position = self._look(command.account, market)
        if (
            position.is_open
            or position.bid_lots
            or position.ask_lots
            or core.ledger.open_of(command.account, market.symbol)
        ):
            raise Refused(RejectReason.POSITION_OPEN)
        core.margin.held(command.account, market.symbol).isolated = 0 if command.isolated else None
        core.tell(
            MarginModeSet(
                time_ns=core.time_ns, account=command.account, symbol=market.symbol, isolated=command.isolated
            )
        )

    def move_isolated(self, command: MoveIsolatedMargin) -> None:
        """Between the wallet and an isolated position."""
        core, market, units = self._core, self._market(command.symbol), command.units
        owner, position = self._look(command.account, market)
        if position.isolated is None or not position.is_open:
            raise Refused(RejectReason.UNKNOWN_ACCOUNT, "no isolated position is open")
        if not is_amount(units):
            raise Refused(RejectReason.AMOUNT_INVALID, f"units must not be 0, got {units!r}")
        if units < 0 and core.margin.is_liquidating(command.account):
            raise Refused(RejectReason.IN_LIQUIDATION)
        if units > 0 and units > core.margin.withdrawable(owner):
            raise Refused(RejectReason.INSUFFICIENT_MARGIN)
        if units < 0:
            needed = market.table.initial(position.gross_lots * market.lot_value, position.leverage)
            left = min(position.isolated, core.margin.isolated_equity(market.symbol, position) - needed)
            if -units > left:
                raise Refused(RejectReason.INSUFFICIENT_MARGIN, "the position's own collateral is too small")
        owner.wallet -= units
        position.isolated += units
        core.margin.touched[market.asset, command.account] = None
        core.tell(IsolatedMarginMoved(time_ns=core.time_ns, account=command.account, symbol=market.symbol, units=units))

    def _market(self, symbol: str) -> Perpetual:
        market = self._core.margin.markets.get(symbol)
        if market is None:
            raise Refused(RejectReason.NOT_A_PERPETUAL, symbol)
        return market

    def _look(self, account: str, market: Perpetual) -> tuple[MarginAccount, Position]:
        margin = self._core.margin
        return margin.account(account, market.asset), margin.position(account, market.symbol)
