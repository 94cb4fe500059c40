"""Funding of perpetuals as USD-M shows it: the rate of the hour that runs, and what was paid before."""

from collections import deque

from common.exchange.events import Event
from common.exchange.exchange import Exchange
from common.exchange.margin.events import FundingSettled
from common.exchange.margin.funding_rate import HOURLY_RATE_MAX, HOURS_PER_RATE
from common.exchange.money import RATE_SCALE
from services.paper_exchange.usdm_wire import ContractWire, decimal_text
from services.paper_exchange.wire import NS_PER_MS, Json

ROWS_KEPT = 1_000
EXACT_DECIMALS = 12
"""An eighth of a rate at 1e-9 is exact with so many decimals."""


class FundingRates:
    """The exchange's rates are of eight hours and paid in eighths each hour; Binance's are of one interval."""

    def __init__(self, exchange: Exchange) -> None:
        self._clearing = exchange.clearing
        self._rows: dict[str, deque[Json]] = {}
        for symbol, window in self._clearing.state.funding.windows.items():
            if window.settled_ns:
                self._keep(symbol, window.settled_ns, window.rate, 0)

    @property
    def rate_max(self) -> str:
        """The most that an hour can cost."""
        return decimal_text(HOURLY_RATE_MAX * (10**EXACT_DECIMALS // RATE_SCALE), EXACT_DECIMALS)

    def absorb(self, events: list[Event]) -> None:
        """Keep what was paid."""
        for event in events:
            if isinstance(event, FundingSettled):
                self._keep(event.symbol, event.hour_ns, event.rate, event.oracle_ticks)

    def rate(self, symbol: str) -> str:
        """What the hour that runs would cost if it ended now."""
        return _hourly(self._clearing.funding.expected_rate(symbol))

    def oracle(self, symbol: str) -> int:
        """The oracle price in ticks, 0 = none yet."""
        return self._clearing.state.oracle.prices.get(symbol, 0)

    def rows(self, wire: ContractWire) -> list[Json]:
        """Payments in a market, oldest first: of this life of the venue, and the one before it."""
        rows = self._rows.get(wire.instrument.symbol, ())
        return [row | {"symbol": wire.name, "markPrice": wire.price(row["markPrice"])} for row in rows]

    def _keep(self, symbol: str, hour_ns: int, rate: int, oracle_ticks: int) -> None:
        row = {"fundingTime": hour_ns // NS_PER_MS, "fundingRate": _hourly(rate), "markPrice": oracle_ticks}
        self._rows.setdefault(symbol, deque(maxlen=ROWS_KEPT)).append(row)


def _hourly(rate: int) -> str:
    """A rate of eight hours at 1e-9 as what one hour costs."""
    return decimal_text(rate * (10**EXACT_DECIMALS // RATE_SCALE) // HOURS_PER_RATE, EXACT_DECIMALS)
