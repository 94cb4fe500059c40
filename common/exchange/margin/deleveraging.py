"""Deleveraging: what a bankrupt account holds is closed against those on the other side, at its bankruptcy amounts.

One position goes, whole, for its value and the whole deficit, so that the account is worth exactly nothing afterwards:
the one that others can take most of, and of those the one with the largest loss. Whoever stood on the other side of the
move that made the account bankrupt gets a price between the mark before and the mark after. Nobody takes lots that
would make himself bankrupt.
"""

from typing import NamedTuple

from common.exchange.core import Core
from common.exchange.events import EXTERNAL_ACCOUNT, SPECIAL_ACCOUNTS
from common.exchange.margin.bankruptcy import bearable_lots, share
from common.exchange.margin.events import PositionDeleveraged
from common.exchange.margin.parts import Parts
from common.exchange.margin.ranking import Holder, ranked
from common.exchange.margin.scope import Scope, backing
from common.exchange.orders import Orders

DELEVERAGED = "deleveraged"


class Taken(NamedTuple):
    """Lots (negative = short) of a bankrupt account that another one takes for `units` in all."""

    account: str
    lots: int
    units: int


class Deleveraging:
    """Closes positions of bankrupt accounts against others."""

    def __init__(self, core: Core, orders: Orders, parts: Parts) -> None:
        self._core, self._orders, self._parts = core, orders, parts

    def run(self, scope: Scope) -> None:
        """Bring a scope with negative equity to exactly zero. Its parts are merged and its orders have ended."""
        margin = self._core.margin
        plans = [
            (self._plan(scope, symbol, position.lots), margin.unrealised(symbol, position), symbol)
            for symbol, position in scope.positions.items()
        ]
        plan, _loss, symbol = min(plans, key=lambda each: (_left_to_the_world(each[0]), *each[1:]))
        for taken in plan:
            self._close(scope, symbol, taken)

    def _plan(self, scope: Scope, symbol: str, lots: int) -> list[Taken]:
        """Who takes how many of a position's lots for how much, the outside world last."""
        value = self._core.margin.markets[symbol].lot_value
        units = lots * value - scope.equity
        plan = list[Taken]()
        for holder in ranked(self.holders(symbol, scope.account, shorts=lots > 0)):
            size = abs(lots)
            taken = min(size, holder.lots, bearable_lots(holder.equity_units, units - lots * value, size))
            if taken:
                plan.append(Taken(holder.account, taken if lots > 0 else -taken, share(units, taken, size)))
                lots, units = lots - plan[-1].lots, units - plan[-1].units
            if not lots:
                return plan
        return [*plan, Taken(EXTERNAL_ACCOUNT, lots, units)]

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

    def _close(self, scope: Scope, symbol: str, taken: Taken) -> None:
        core, counterparty = self._core, taken.account
        if counterparty != EXTERNAL_ACCOUNT:
            self._parts.merge_all(counterparty, symbol)
            for order in self._orders.open_of(counterparty, (symbol,)):
                self._orders.end(order, DELEVERAGED)
        lost = core.margin.take(scope.account, symbol, -taken.lots, -taken.units)
        realised = core.margin.take(counterparty, symbol, taken.lots, taken.units)
        core.tell(
            PositionDeleveraged(
                time_ns=core.time_ns,
                account=scope.account,
                symbol=symbol,
                counterparty=counterparty,
                lots=taken.lots,
                units=taken.units,
                account_realised_units=lost,
                realised_units=realised,
            )
        )


def _left_to_the_world(plan: list[Taken]) -> int:
    return sum(abs(each.lots) for each in plan if each.account == EXTERNAL_ACCOUNT)
