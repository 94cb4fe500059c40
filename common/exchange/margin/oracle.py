"""Oracle prices of perpetuals, and the marks that follow them."""

from collections.abc import Callable

import msgspec

from common.exchange.admission import is_whole
from common.exchange.core import Core
from common.exchange.events import RejectReason
from common.exchange.margin.commands import SetOracle
from common.exchange.margin.events import OracleChanged
from common.exchange.margin.marks import derived_mark
from common.exchange.refusal import Refused


class OracleState(msgspec.Struct):
    """Oracle price in ticks by market; a market without one is not there."""

    prices: dict[str, int] = msgspec.field(default_factory=dict)


class Oracle:
    """Takes oracle prices in. `on_price` is called after each one."""

    def __init__(self, core: Core, on_price: Callable[[], None]) -> None:
        self._core, self._on_price = core, on_price
        self.state = OracleState()

    def set(self, command: SetOracle) -> None:
        """Another oracle price, and the mark that follows from it and from the market."""
        core, symbol, price = self._core, command.symbol, command.price_ticks
        perpetual = core.margin.markets.get(symbol)
        if perpetual is None:
            raise Refused(RejectReason.NOT_A_PERPETUAL, symbol)
        if not is_whole(price, 1):
            raise Refused(RejectReason.PRICE_INVALID, f"a positive 64-bit integer, got {price!r}")
        book, facts = core.markets[symbol].book, core.markets[symbol].facts
        bid, ask = book.bids.best(), book.asks.best()
        mark = derived_mark(
            price, bid.price if bid else 0, ask.price if ask else 0, facts.last, perpetual.rules.mark_band_bps
        )
        self.state.prices[symbol] = price
        core.tell(OracleChanged(time_ns=core.time_ns, symbol=symbol, price_ticks=price))
        if mark != facts.mark:
            core.set_mark(symbol, mark)
        self._on_price()
