"""Trades as one account sees them."""

from collections.abc import Iterable, Iterator

import msgspec

from common.exchange.events import EXTERNAL_ACCOUNT, Event, TradeExecuted, TradeParty
from common.model.order import Side


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a trade. Price in ticks, quantity in lots, `fee_units` in 1e-8 of `fee_asset` (negative = rebate).

    `realised_units` is the profit, in 1e-8 of the quote asset, that a perpetual position realised with it.
    """

    trade_id: int
    account: str
    order_id: int
    client_order_id: str
    symbol: str
    side: Side
    price_ticks: int
    quantity_lots: int
    maker: bool
    fee_units: int
    fee_asset: str
    time_ns: int
    realised_units: int = 0


def fills_of(trade: TradeExecuted) -> list[Fill]:
    """The fills that a trade gave to accounts of the venue, the maker's first; the external account's are left out."""
    sides = ((trade.maker, trade.aggressor.opposite, True), (trade.taker, trade.aggressor, False))
    return [_fill(trade, party, side, maker) for party, side, maker in sides if party.account != EXTERNAL_ACCOUNT]


def fills_in(events: Iterable[Event]) -> Iterator[Fill]:
    """Every fill among events, in their order."""
    for event in events:
        if isinstance(event, TradeExecuted):
            yield from fills_of(event)


def _fill(trade: TradeExecuted, party: TradeParty, side: Side, maker: bool) -> Fill:
    return Fill(
        trade_id=trade.trade_id, account=party.account, order_id=party.order_id,
        client_order_id=party.client_order_id, symbol=trade.symbol, side=side, price_ticks=trade.price_ticks,
        quantity_lots=trade.quantity_lots, maker=maker, fee_units=party.fee_units, fee_asset=party.fee_asset,
        time_ns=trade.time_ns, realised_units=party.realised_units,
    )  # fmt: skip
