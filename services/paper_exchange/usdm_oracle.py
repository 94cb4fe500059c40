"""What a perpetual's underlying is worth outside: told to the exchange each second."""

from collections.abc import Mapping

from common.exchange.book import BookSide
from common.exchange.commands import Command, SetMark
from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.exchange import Exchange
from common.model.instrument import Instrument


def told(symbol: str, price_ticks: int, time_ns: int) -> Command:
    """The command that tells the exchange an oracle price. There is none but the mark itself yet."""
    return SetMark(time_ns=time_ns, symbol=symbol, price_ticks=price_ticks)


class OracleFeed:
    """Oracle prices of perpetuals: the outside world's middle on spot markets of the same assets, else on their own.

    Only the outside world's liquidity counts, so that nobody moves a mark with orders of his own.
    """

    def __init__(self, exchange: Exchange, perpetuals: Mapping[str, Instrument]) -> None:
        self._exchange, self._perpetuals = exchange, perpetuals
        self._sources = {symbol: [*self._spot_of(each), each] for symbol, each in perpetuals.items()}
        self.prices: dict[str, int] = {}

    def commands(self, time_ns: int) -> list[Command]:
        """What to tell now; nothing of markets where the outside world has only one side."""
        commands = list[Command]()
        for symbol in self._perpetuals:
            if price := self._price(symbol):
                self.prices[symbol] = price
                commands.append(told(symbol, price, time_ns))
        return commands

    def middle(self, symbol: str) -> int:
        """Twice the outside world's middle in a market, in its ticks; 0 = one side is empty."""
        book = self._exchange.markets[symbol].book
        bid, ask = outside_best(book.bids), outside_best(book.asks)
        return bid + ask if bid and ask else 0

    def _price(self, symbol: str) -> int:
        """The oracle price in ticks of the perpetual, rounded to the nearest one."""
        step = self._perpetuals[symbol].tick_size
        for each in self._sources[symbol]:
            if middle := self.middle(each.symbol):
                return int((middle * each.tick_size + step) // (2 * step))
        return 0

    def _spot_of(self, perpetual: Instrument) -> list[Instrument]:
        return [
            each
            for each in self._exchange.instruments.values()
            if (each.base, each.quote) == (perpetual.base, perpetual.quote)
            and each.symbol not in self._exchange.config.perpetuals
        ]


def outside_best(side: BookSide) -> int:
    """The best price at which the outside world has an order; 0 = none."""
    return next((level.price for level in side.best_first() if level.quantity_of(EXTERNAL_ACCOUNT)), 0)
