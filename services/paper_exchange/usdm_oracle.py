"""What a perpetual's underlying is worth outside: told to the exchange each second."""

from collections.abc import Callable, Mapping

from common.exchange.book import BookSide
from common.exchange.commands import Command
from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.exchange import Exchange
from common.exchange.margin.commands import SetOracle
from common.model.instrument import Instrument


class OracleFeed:
    """Oracle prices of perpetuals: the outside world's middle on spot markets of the same assets, else on their own.

    Only the outside world's liquidity counts, so that nobody moves a mark with orders of his own.
    """

    def __init__(self, exchange: Exchange, perpetuals: Mapping[str, Instrument]) -> None:
        self._exchange, self._perpetuals = exchange, perpetuals
        self._sources = {symbol: [*self._spot_of(each), each] for symbol, each in perpetuals.items()}

    def commands(self, time_ns: int) -> list[Command]:
        """What to tell now; nothing of markets where the outside world has only one side."""
        commands = list[Command]()
        for symbol in self._perpetuals:
            if price := self._price(symbol):
                commands.append(SetOracle(time_ns=time_ns, symbol=symbol, price_ticks=price))
        return commands

    def anchor(self, perpetual: Instrument) -> Callable[[], float] | None:
        """The price in ticks of a perpetual's spot market, 0 while there is none; None without such a market."""
        sources = self._spot_of(perpetual)
        if not sources:
            return None
        spot = sources[0]
        ticks = float(spot.tick_size / perpetual.tick_size)
        return lambda: self.middle(spot.symbol) / 2 * ticks

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
