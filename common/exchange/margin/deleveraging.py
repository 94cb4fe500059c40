"""Deleveraging: what a bankrupt account holds is closed against those on the other side, at its bankruptcy amounts.

The position with the largest loss goes, whole, for its value and the whole deficit, so that the account is worth
exactly nothing afterwards. Whoever stood on the other side of the move that made it bankrupt gets a price between the
mark before and the mark after. Nobody takes lots that would make himself bankrupt.
"""

from common.exchange.core import Core
from common.exchange.events import EXTERNAL_ACCOUNT, SPECIAL_ACCOUNTS
from common.exchange.margin.bankruptcy import bearable_lots, share
from common.exchange.margin.events import PositionDeleveraged
from common.exchange.margin.parts import Parts
from common.exchange.margin.ranking import Holder, ranked
from common.exchange.margin.scope import Scope, backing
from common.exchange.orders import Orders

DELEVERAGED = "deleveraged"


class Deleveraging:
    """Closes positions of bankrupt accounts against others."""

    def __init__(self, core: Core, orders: Orders, parts: Parts) -> None:
        self._core, self._orders, self._parts = core, orders, parts

    def run(self, scope: Scope) -> None:
        """Bring a scope with negative equity to exactly zero. Its parts are merged and its orders have ended."""
        margin = self._core.margin
        symbol, position = min(scope.positions.items(), key=lambda each: (margin.unrealised(*each), each[0]))
        value = margin.markets[symbol].lot_value
        lots, deficit = position.lots, -scope.equity
        units = lots * value + deficit
        for holder in ranked(self.holders(symbol, scope.account, shorts=lots > 0)):
            size = abs(lots)
            bearable = bearable_lots(holder.equity_units, units - lots * value, size)
            taken = min(size, holder.lots, bearable)
            if taken:
                signed, paid = taken if lots > 0 else -taken, share(units, taken, size)
                self._close(scope, symbol, holder.account, signed, paid)
                lots, units = lots - signed, units - paid
            if not lots:
                return
        self._close(scope, symbol, EXTERNAL_ACCOUNT, lots, units)

    def holders(self, symbol: str, but: str, shorts: bool) -> list[Holder]:
        """All accounts but one and the venue's own that are short, or long, with what ranks them."""
        margin = self._core.margin
        value, found = margin.markets[symbol].lot_value, list[Holder]()
        for account in sorted(margin.holders[symbol]):
            position = margin.position(account, symbol)
            lots = position.net_lots
            if account == but or account in SPECIAL_ACCOUNTS or not lots or (lots < 0) is not shorts:
                continue
            found.append(
                Holder(
                    account=account,
                    lots=abs(lots),
                    profit_units=margin.unrealised(symbol, position),
                    entry_units=abs(position.net_cost),
                    notional_units=abs(lots) * value,
                    equity_units=backing(margin, account, symbol).equity,
                )
            )
        return found

    def _close(self, scope: Scope, symbol: str, counterparty: str, lots: int, units: int) -> None:
        core = self._core
        if counterparty != EXTERNAL_ACCOUNT:
            self._parts.merge_all(counterparty, symbol)
            for order in self._orders.open_of(counterparty, (symbol,)):
                self._orders.end(order, DELEVERAGED)
        core.margin.take(scope.account, symbol, -lots, -units)
        realised = core.margin.take(counterparty, symbol, lots, units)
        core.tell(
            PositionDeleveraged(
                time_ns=core.time_ns,
                account=scope.account,
                symbol=symbol,
                counterparty=counterparty,
                lots=lots,
                units=units,
                realised_units=realised,
            )
        )
