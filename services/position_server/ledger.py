"""The position server's state as a fold over its journal, plus what may be lost with a snapshot's age (statistics)."""

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation

import msgspec

from common.accounting.attribution import HedgeProfit, mark_hedge, trade_hedge
from common.accounting.lp_performance import LpWealth, advance_performance, begin_performance
from common.accounting.positions import Trade, apply_trade
from common.accounting.statistics import add_sample
from common.messages import OrderFilled
from common.model.errors import InvariantBroken, MessageInvalid
from common.model.instrument import Instrument
from services.position_server.records import (
    AccountOpened,
    FillEntered,
    LedgerImage,
    LpOpened,
    MarketImage,
    Record,
    RunStarted,
    RunState,
    VenueTrades,
)

Market = tuple[str, str]


class Ledger:
    """Positions and profit by market (venue, symbol), the run, and the accounts' openings."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self.instruments: dict[Market, Instrument] = {(each.venue, each.symbol): each for each in instruments}
        self.markets = {key: MarketImage(venue=key[0], symbol=key[1]) for key in self.instruments}
        self.fill_sequence = 0
        self.run = RunState()
        self.openings: dict[tuple[str, str], Decimal] = {}

    def apply(self, record: Record) -> None:
        """Fold in one journaled record."""
        match record:
            case FillEntered():
                self._enter(record)
            case RunStarted():
                self._begin_run(record)
            case LpOpened():
                self.run = msgspec.structs.replace(self.run, lp=record)
            case AccountOpened():
                self.openings[record.venue, record.asset] = record.amount

    def mark(self, market: Market, price: float) -> None:
        """Drift to a new price. Not journaled: marks telescope, so the next one catches up whatever was missed."""
        self._change(market, profit=mark_hedge(self.markets[market].profit, price))

    def sample(self, net_delta: float, unhedged_delta: float, held_s: float) -> None:
        """Add to the run's statistics."""
        self.run = msgspec.structs.replace(
            self.run,
            net_delta=add_sample(self.run.net_delta, net_delta, held_s),
            unhedged_delta=add_sample(self.run.unhedged_delta, unhedged_delta, held_s),
        )

    def value_lp(self, wealth: LpWealth, price: float, now_ns: int) -> None:
        """What the LP owns now, at this price. Not journaled: its account closes over any gap, as marks do."""
        if self.run.lp is None:
            return
        account = self.run.account or begin_performance(self.run.lp.wealth, self.run.lp.price, now_ns)
        account = advance_performance(account, wealth, price, price, now_ns)
        self.run = msgspec.structs.replace(self.run, account=account)

    def count_venue(self, market: Market, trades: VenueTrades) -> None:
        """Our own sum of the venue's trades has moved on."""
        self._change(market, venue_trades=trades)

    def image(self) -> LedgerImage:
        """The state for a snapshot."""
        return LedgerImage(
            fill_sequence=self.fill_sequence,
            markets=list(self.markets.values()),
            run=self.run,
            openings=[
                AccountOpened(venue=venue, asset=asset, amount=amount)
                for (venue, asset), amount in self.openings.items()
            ],
        )

    def restore(self, image: LedgerImage) -> None:
        """Become the state of a snapshot. Raises InvariantBroken if it holds a market that is configured no more."""
        for market in image.markets:
            key = market.venue, market.symbol
            if key not in self.markets and market.position.fill_count:
                raise InvariantBroken(f"the journal holds a position in {key}, which fleet.toml no longer names")
            self.markets[key] = market
        self.fill_sequence, self.run = image.fill_sequence, image.run
        for opening in image.openings:
            self.apply(opening)

    def _enter(self, record: FillEntered) -> None:
        fill = record.fill
        if fill.fill_sequence != self.fill_sequence + 1:
            raise InvariantBroken(f"fill {fill.fill_sequence} follows {self.fill_sequence}")
        key = fill.venue, fill.symbol
        if key not in self.markets:
            raise InvariantBroken(f"fill {fill.fill_sequence} is of {key}, which fleet.toml does not name")
        instrument, market = self.instruments[key], self.markets[key]
        price, quantity = instrument.price(fill.price_ticks), instrument.quantity(fill.quantity_lots)
        self._change(
            key,
            position=apply_trade(market.position, trade_of(fill, instrument), instrument),
            profit=trade_hedge(market.profit, fill.side, price, quantity, record.mid),
        )
        self.fill_sequence = fill.fill_sequence

    def _begin_run(self, record: RunStarted) -> None:
        self.run = RunState(run_id=record.run_id, started_ns=record.at_ns)
        for key, market in self.markets.items():
            held = self.instruments[key].quantity(market.position.quantity_lots)
            self._change(
                key,
                profit=HedgeProfit(quantity=held),
                fees_start=market.position.fees,
                turnover_start=market.position.turnover,
            )

    def _change(self, key: Market, **changes: object) -> None:
        self.markets[key] = msgspec.structs.replace(self.markets[key], **changes)


def trade_of(fill: OrderFilled, instrument: Instrument) -> Trade:
    """A fill with its fee in quote units (a fee in base is worth the trade's price). Raises MessageInvalid.

    A fee in a third asset has no price here and counts nothing: `is_fee_priced` tells.
    """
    try:
        paid = Decimal(fill.fee)
    except InvalidOperation:
        raise MessageInvalid("fee", f"fill {fill.fill_sequence}", "a decimal number", fill.fee) from None
    in_base = fill.fee_asset == instrument.base
    fee = paid * fill.price_ticks * instrument.tick_size if in_base else paid
    return Trade(
        side=fill.side,
        price_ticks=fill.price_ticks,
        quantity_lots=fill.quantity_lots,
        maker=fill.maker,
        fee=fee if is_fee_priced(fill, instrument) else Decimal(0),
        base_fee=paid if in_base else Decimal(0),
    )


def is_fee_priced(fill: OrderFilled, instrument: Instrument) -> bool:
    """True when the fee can be told in quote units."""
    return fill.fee_asset in (instrument.base, instrument.quote) or not Decimal(fill.fee)
