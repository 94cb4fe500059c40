"""The insurance: what the operator paid in against the debts of liquidated accounts, in a margin wallet of its own."""

from common.exchange.admission import is_whole
from common.exchange.core import Core
from common.exchange.events import EXTERNAL_ACCOUNT, INSURANCE_ACCOUNT, RejectReason
from common.exchange.margin.commands import FundInsurance
from common.exchange.margin.events import DeficitCovered, InsuranceFunded
from common.exchange.margin.scope import Scope
from common.exchange.refusal import Refused


class Insurance:
    """Pays what accounts owe beyond all that they had."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._assets = {market.asset for market in core.margin.markets.values()}

    def fund(self, command: FundInsurance) -> None:
        """New money."""
        core = self._core
        if command.asset not in self._assets:
            raise Refused(RejectReason.AMOUNT_INVALID, f"{command.asset} is no collateral here")
        if not is_whole(command.units, 1):
            raise Refused(RejectReason.AMOUNT_INVALID, f"units must be a positive integer, got {command.units!r}")
        if command.units > core.room_for(command.asset):
            raise Refused(RejectReason.AMOUNT_INVALID, "more than fits in 64 bits with all that is there")
        core.margin.accounts.open(INSURANCE_ACCOUNT, command.asset).wallet += command.units
        core.tell(InsuranceFunded(time_ns=core.time_ns, asset=command.asset, units=command.units))

    def balance(self, asset: str) -> int:
        """Units that it has."""
        return self._core.margin.account(INSURANCE_ACCOUNT, asset).wallet

    def cover(self, scope: Scope, units: int) -> None:
        """Pay a deficit, all of it or nothing; what it cannot pay the outside world pays."""
        payer = INSURANCE_ACCOUNT if units <= self.balance(scope.asset) else EXTERNAL_ACCOUNT
        self._core.margin.accounts.open(payer, scope.asset).wallet -= units
        scope.give(units)
        self._core.tell(
            DeficitCovered(
                time_ns=self._core.time_ns, account=scope.account, asset=scope.asset, payer=payer, units=units
            )
        )
