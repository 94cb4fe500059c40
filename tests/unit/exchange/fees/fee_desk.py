"""An exchange with the default fees, and a look at its fee account after every command."""

from common.exchange.commands import Command, Deposit
from common.exchange.events import FEE_ACCOUNT, Event, TradeExecuted
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.rules import MarginTier, PerpetualRules
from common.exchange.money import RATE_SCALE
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk

ONE_TIER = PerpetualRules(tiers=(MarginTier(notional_units_min=0, leverage_max=10),))
BPS = RATE_SCALE // 10_000
LOTS = 10**6


class FeeDesk(PerpetualDesk):
    """A perpetual desk with the default fees, where everybody is rich in both assets; day 0 begins at 0."""

    def __init__(self, *accounts: str, money: int = 10**9, **options) -> None:  # type: ignore[no-untyped-def]
        self.commands: list[Command] = []
        options = {"perpetual": ONE_TIER, "fees": FeeSchedule()} | options
        super().__init__(*accounts, money=money, **options)
        self.mark(1_000)
        for account in accounts:
            self.run(Deposit, account=account, asset="X", units=LOTS * UNIT)
            self.deposited += money * UNIT
            self.run(Deposit, account=account, asset="USD", units=money * UNIT)

    def run(self, kind, at: int = 0, **terms) -> list[Event]:  # type: ignore[no-untyped-def]
        """As any desk; no trade costs the venue anything, and no asset of the fee account is ever negative."""
        self.commands.append(kind(time_ns=at or self.exchange.time_ns + 1, **terms))
        events = super().run(kind, at, **terms)
        for trade in events:
            if isinstance(trade, TradeExecuted):
                kept = {trade.maker.fee_asset: 0, trade.taker.fee_asset: 0}
                for party in (trade.maker, trade.taker):
                    kept[party.fee_asset] += party.fee_units
                assert min(kept.values()) >= 0, trade
        assert min(self.fees("X"), self.fees("USD"), self.fee_wallet()) >= 0
        return events

    def fees(self, asset: str) -> int:
        """What the fee account has of an asset on spot."""
        return self.exchange.ledger.accounts.free(FEE_ACCOUNT, asset)

    def fee_wallet(self) -> int:
        """What the fee account has of perpetuals."""
        return self.exchange.margin.account(FEE_ACCOUNT, "USD").wallet

    def rates(self, account: str) -> tuple[int, int, int]:
        """(tier, maker, taker) in hundredths of a basis point."""
        found = self.exchange.fee_standing(account)
        return found.tier, found.maker_rate * 100 // BPS, found.taker_rate * 100 // BPS
