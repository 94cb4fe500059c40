"""What changes an account's profit or its capital without a trade of its own: payments, funding, what liquidation does.

Money from outside of an account is no profit; it is kept apart so that returns can leave it out.
"""

from collections.abc import Callable
from typing import Any

from common.exchange.analytics.counting import Counting
from common.exchange.analytics.equity import Capital
from common.exchange.core import Core
from common.exchange.events import FEE_ACCOUNT, SPECIAL_ACCOUNTS, Deposited, Event, Withdrawn
from common.exchange.margin.events import (
    DeficitCovered,
    FundingPaid,
    MarginTakenOver,
    PositionDeleveraged,
    PositionMerged,
    PositionTakenOver,
    PositionTransferred,
)
from common.exchange.purse import Purse


class Payments:
    """Hears of them as they are told."""

    def __init__(self, core: Core, counting: Counting, purse: Purse) -> None:
        self._core, self._counting, self._purse = core, counting, purse
        hearers: list[tuple[type[Event], Callable[[Any], object]]] = [
            (Deposited, lambda event: self.flow(event.account, event.asset, event.units)),
            (Withdrawn, lambda event: self.flow(event.account, event.asset, -event.units)),
            (FundingPaid, self._fund),
            (PositionMerged, lambda event: self._realize(event.account, event.symbol, event.realised_units)),
            (PositionTransferred, self._transfer),
            (PositionTakenOver, lambda event: counting.begin(event.backstop, event.symbol)),
            (MarginTakenOver, self._take_over),
            (PositionDeleveraged, self._deleverage),
            (DeficitCovered, lambda event: self._add_other(event.account, event.asset, event.units)),
        ]
        for kind, hear in hearers:
            core.hearers.setdefault(kind, []).append(hear)
        core.on_payment.append(self._pay)

    def flow(self, account: str, asset: str, units: int) -> None:
        """Money came into an account from outside of it (negative: left it)."""
        for quoted, capital in self._capital(account).items():
            value = self._purse.value_of(asset, units, quoted)
            capital.net_flow_units += value
            capital.put_in_units += max(0, value)

    def _pay(self, payer: str, receiver: str, asset: str, units: int) -> None:
        """Shares of vaults and pools are bought and sold; what the venue gives away of its fees is profit."""
        if payer == FEE_ACCOUNT:
            self._add_other(receiver, asset, units)
        else:
            self.flow(payer, asset, -units)
            self.flow(receiver, asset, units)

    def _fund(self, event: FundingPaid) -> None:
        if event.account not in SPECIAL_ACCOUNTS:
            self._counting.begin(event.account, event.symbol).funding_units += event.units

    def _realize(self, account: str, symbol: str, units: int) -> None:
        if units and account not in SPECIAL_ACCOUNTS:
            self._counting.begin(account, symbol).realize(units)

    def _deleverage(self, event: PositionDeleveraged) -> None:
        self._realize(event.account, event.symbol, event.account_realised_units)
        self._realize(event.counterparty, event.symbol, event.realised_units)

    def _transfer(self, event: PositionTransferred) -> None:
        """A position takes its open profit along, and its collateral."""
        market = self._core.margin.markets[event.symbol]
        units = event.lots * market.lot_value - event.cost_units + event.collateral_units
        self._realize(event.receiver, event.symbol, event.realised_units)
        self.flow(event.account, market.asset, -units)
        self.flow(event.receiver, market.asset, units)

    def _take_over(self, event: MarginTakenOver) -> None:
        self._add_other(event.account, event.asset, -event.units)
        self._add_other(event.backstop, event.asset, event.units)

    def _add_other(self, account: str, asset: str, units: int) -> None:
        if capital := self._capital(account).get(asset):
            capital.other_units += units

    def _capital(self, account: str) -> dict[str, Capital]:
        record = self._counting.records.accounts.get(account)
        return {} if record is None else record.capital
