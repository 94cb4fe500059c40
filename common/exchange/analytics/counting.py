"""Counts every trade where it happens: for both accounts, for the strategies that placed the orders, for the market.

A trade costs about a microsecond a side, so nothing here looks farther than it must.
"""

from collections.abc import Callable
from typing import Final

from common.exchange.analytics.day import RollingDay
from common.exchange.analytics.equity import HOUR_NS, Capital, series_from
from common.exchange.analytics.figures import Figures
from common.exchange.analytics.records import AccountRecord, MarketFigures, Records
from common.exchange.core import Core
from common.exchange.events import EXTERNAL_ACCOUNT, TradeExecuted, TradeParty
from common.exchange.money import Scale
from common.exchange.purse import Purse
from common.exchange.record import fields_of
from common.model.order import Side

BUY: Final = Side.BUY
TAGS_MAX: Final = 10_000
"""Strategies that are remembered; the oldest is forgotten for the next one."""


class Counting:
    """Puts trades into records. `begin_hours` is told the first hour to sample once there is somebody to look at."""

    def __init__(self, core: Core, records: Records, purse: Purse, begin_hours: Callable[[int], None]) -> None:
        self._core, self._purse, self._begin_hours = core, purse, begin_hours
        self._scales, self._orders, self._groups = core.ledger.scales, core.ledger.orders, core.groups
        self.load(records)

    def load(self, records: Records) -> None:
        """Go on with these records."""
        self.records, self._accounts, self._days = records, records.accounts, records.days

    def hear(self, trade: TradeExecuted) -> None:
        """Count a trade."""
        time_ns: int
        symbol: str
        price: int
        lots: int
        maker: TradeParty
        taker: TradeParty
        time_ns, _trade_id, symbol, price, lots, aggressor, maker, taker = fields_of(trade)
        one, other, groups = maker.account, taker.account, self._groups
        # Trades with oneself or one's group are no volume; the outside world is many.
        is_volume = one != other or one == EXTERNAL_ACCOUNT
        if groups and is_volume and one != EXTERNAL_ACCOUNT:
            is_volume = groups.get(one, one) != groups.get(other, other)
        day = self._days.get(symbol)
        if day is None:
            day = self._days[symbol] = RollingDay()
        day.trade(time_ns, price, lots if is_volume else 0)
        scale, bought = self._scales[symbol], lots if aggressor is BUY else -lots
        if one != EXTERNAL_ACCOUNT:
            self._count(one, maker, symbol, scale, time_ns, price, -bought, is_volume, True)
        if other != EXTERNAL_ACCOUNT:
            self._count(other, taker, symbol, scale, time_ns, price, bought, is_volume, False)
        if not self.records.next_hour and self._accounts:
            self._begin_hours(time_ns // HOUR_NS + 1)

    def _count(
        self, account: str, party: TradeParty, symbol: str, scale: Scale, time_ns: int, price: int, lots: int,
        is_volume: bool, is_maker: bool,
    ) -> None:  # fmt: skip
        """One side, which bought (or with a negative number sold) lots."""
        fee, notional = party.fee_units, price * (lots if lots > 0 else -lots) * scale.tick_lot_units
        units = notional if lots > 0 else -notional
        record = self._accounts.get(account)
        figures = None if record is None else record.markets.get(symbol)
        if figures is None:
            figures = self._open(account, symbol, time_ns)
        figures.last_ns = time_ns
        if is_volume and is_maker:
            figures.maker_units += notional
            figures.maker_trades += 1
        elif is_volume:
            figures.taker_units += notional
            figures.taker_trades += 1
        if not scale.is_perpetual:
            figures.trade(lots, units)
            if fee and party.fee_asset != scale.quote:
                # A fee up and a rebate down, as it was charged.
                fee = -(-fee * price * scale.tick_lot_units // scale.lot_units)
        elif realised := party.realised_units:
            figures.realize(realised)
        if fee > 0:
            figures.fees_units += fee
        elif fee:
            figures.rebates_units -= fee
        order = self._orders.get(party.order_id)
        if order is not None and order.link:
            self._count_tag(order.link, symbol, time_ns, lots, units, fee, is_maker)

    def _count_tag(self, tag: str, symbol: str, time_ns: int, lots: int, units: int, fee: int, is_maker: bool) -> None:
        found = self.records.tags.get(tag) or self._open_tag(tag)
        figures = found.get(symbol)
        if figures is None:
            figures = found[symbol] = Figures(time_ns)
        figures.last_ns = time_ns
        figures.trade(lots, units)
        figures.pay_fee(fee)
        notional = units if lots > 0 else -units
        if is_maker:
            figures.maker_units += notional
            figures.maker_trades += 1
        else:
            figures.taker_units += notional
            figures.taker_trades += 1

    def _open_tag(self, tag: str) -> MarketFigures:
        tags = self.records.tags
        if len(tags) >= TAGS_MAX:
            del tags[next(iter(tags))]
        found = tags[tag] = MarketFigures()
        return found

    def begin(self, account: str, symbol: str) -> Figures:
        """The figures of an account in a market, begun now if there are none, to count what is no trade."""
        record = self._accounts.get(account)
        found = None if record is None else record.markets.get(symbol)
        if found is None:
            found = self._open(account, symbol, self._core.time_ns)
        found.last_ns = self._core.time_ns
        return found

    def _open(self, account: str, symbol: str, time_ns: int) -> Figures:
        """Begin to count for an account in a market, and from the first market of an asset on what it is worth."""
        asset = self._scales[symbol].quote
        record = self._accounts.get(account)
        if record is None:
            record = self._accounts[account] = AccountRecord()
        if asset not in record.capital and self._core.ledger.settles:
            equity = self._purse.worth(account, asset)
            record.capital[asset] = Capital(put_in_units=equity, equity=series_from(time_ns // HOUR_NS + 1))
        figures = record.markets[symbol] = Figures(time_ns)
        return figures
