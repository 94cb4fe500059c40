"""Markets: what is traded, at which prices, by which rules."""

import msgspec

from common.exchange.book import BookSide
from common.exchange.events import MarketPhase, RejectReason
from common.exchange.exchange import Exchange
from common.exchange.margin.rules import PerpetualRules
from common.exchange.queries.bounds import check_limit
from common.exchange.refusal import Refused
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument


class MarketView(msgspec.Struct, frozen=True, kw_only=True):
    """One market in a list of all. Prices in ticks, 0 = none yet; `tick_size` and `lot_size` are decimal texts.

    open_interest_lots  lots of all long positions in a perpetual, which are as many as those of all short ones
    """

    symbol: str
    base: str
    quote: str
    is_perpetual: bool
    tick_size: str
    lot_size: str
    bid_ticks: int
    ask_ticks: int
    last_ticks: int
    mark_ticks: int
    oracle_ticks: int
    phase: MarketPhase
    phase_until_ns: int
    open_interest_lots: int


class LevelView(msgspec.Struct, frozen=True, kw_only=True):
    """All that rests at a price."""

    price_ticks: int
    quantity_lots: int
    orders: int


class BookView(msgspec.Struct, frozen=True, kw_only=True):
    """The best levels of both sides, best first."""

    symbol: str
    bids: list[LevelView]
    asks: list[LevelView]


class RulesView(msgspec.Struct, frozen=True, kw_only=True):
    """The grid, limits and rules of one market; `perpetual` is None for spot."""

    instrument: Instrument
    rules: MarketRules
    perpetual: PerpetualRules | None


def markets(exchange: Exchange) -> list[MarketView]:
    """All markets: grid, best, last and mark price, phase, open interest."""
    return [_view(exchange, symbol) for symbol in exchange.markets]


def rules(exchange: Exchange, symbol: str) -> RulesView:
    """The rules of a market: sizes, bands, breaker, margin tiers."""
    _check(exchange, symbol)
    return RulesView(
        instrument=exchange.instruments[symbol],
        rules=exchange.markets[symbol].facts.rules,
        perpetual=exchange.config.perpetuals.get(symbol),
    )


def book(exchange: Exchange, symbol: str, depth: int = 10) -> BookView:
    """The best levels of a market's book."""
    _check(exchange, symbol)
    check_limit(depth, "depth")
    found = exchange.markets[symbol].book
    return BookView(symbol=symbol, bids=_levels(found.bids, depth), asks=_levels(found.asks, depth))


def _check(exchange: Exchange, symbol: str) -> None:
    if symbol not in exchange.markets:
        raise Refused(RejectReason.UNKNOWN_MARKET, f"{symbol!r}; there are {', '.join(exchange.markets)}")


def _levels(side: BookSide, depth: int) -> list[LevelView]:
    return [LevelView(price_ticks=p, quantity_lots=q, orders=n) for p, q, n in side.depth(depth)]


def _view(exchange: Exchange, symbol: str) -> MarketView:
    market, instrument = exchange.markets[symbol], exchange.instruments[symbol]
    bid, ask, facts = market.book.bids.best(), market.book.asks.best(), market.facts
    return MarketView(
        symbol=symbol,
        base=instrument.base,
        quote=instrument.quote,
        is_perpetual=symbol in exchange.config.perpetuals,
        tick_size=f"{instrument.tick_size:f}",
        lot_size=f"{instrument.lot_size:f}",
        bid_ticks=0 if bid is None else bid.price,
        ask_ticks=0 if ask is None else ask.price,
        last_ticks=facts.last,
        mark_ticks=facts.mark,
        oracle_ticks=exchange.clearing.oracle.state.prices.get(symbol, 0),
        phase=facts.phase,
        phase_until_ns=facts.phase_until_ns,
        open_interest_lots=_open_interest(exchange, symbol),
    )


def _open_interest(exchange: Exchange, symbol: str) -> int:
    if symbol not in exchange.margin.markets:
        return 0
    held = exchange.margin.accounts.by_asset.get(exchange.margin.markets[symbol].asset, {})
    positions = [each.positions[symbol] for each in held.values() if symbol in each.positions]
    lots = [each.lots for each in positions] + [part.lots for each in positions for part in each.parts.values()]
    return sum(each for each in lots if each > 0)
