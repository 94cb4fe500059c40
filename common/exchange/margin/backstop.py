"""The backstop: an ordinary account that takes over positions nobody could sell, with the collateral behind them."""

from common.exchange.core import Core
from common.exchange.margin.accounts import Position
from common.exchange.margin.events import MarginTakenOver, PositionTakenOver
from common.exchange.margin.scope import Scope

BACKSTOP_ACCOUNT = "vault/backstop"
"""Whoever funds this account is the backstop; a vault may own it. Its own liquidation cannot go to itself."""


class Backstop:
    """Takes over, or does not when its own margin speaks against it."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def can_take(self, scope: Scope, granted: int = 0) -> bool:
        """True when its initial margin would be there afterwards, with `granted` units added to the scope's."""
        margin = self._core.margin
        own = margin.accounts.find(BACKSTOP_ACCOUNT, scope.asset)
        if own is None or scope.account == BACKSTOP_ACCOUNT or scope.equity + granted < 0:
            return False
        trial = own.copy()
        trial.wallet += scope.collateral + granted
        for symbol, position in scope.positions.items():
            taking = trial.positions.setdefault(symbol, Position())
            if taking.isolated is not None:
                return False
            margin.take_into(trial, symbol, taking, position.lots, position.cost)
        return margin.available(trial) >= 0

    def take(self, scope: Scope) -> None:
        """Take all positions at their cost, which neither side realises, and all collateral."""
        core, margin, account = self._core, self._core.margin, scope.account
        units = scope.collateral
        for symbol, position in scope.positions.items():
            lots, cost = position.lots, position.cost
            before = margin.position(BACKSTOP_ACCOUNT, symbol).lots
            margin.take(account, symbol, -lots, -cost)
            margin.take(BACKSTOP_ACCOUNT, symbol, lots, cost)
            core.markets[symbol].trim(BACKSTOP_ACCOUNT, before)
            core.tell(
                PositionTakenOver(
                    time_ns=core.time_ns,
                    account=account,
                    symbol=symbol,
                    backstop=BACKSTOP_ACCOUNT,
                    lots=lots,
                    cost_units=cost,
                )
            )
        margin.pay(scope.asset, account, BACKSTOP_ACCOUNT, units)
        core.tell(
            MarginTakenOver(
                time_ns=core.time_ns, account=account, asset=scope.asset, backstop=BACKSTOP_ACCOUNT, units=units
            )
        )
