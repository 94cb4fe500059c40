"""Hourly funding: samples of the premium every five seconds, and what holders pay each other at full UTC hours.

Nothing changes between two commands, so a command after a long silence takes one sample that counts for all of them.
"""

import msgspec

from common.exchange.book import BookSide
from common.exchange.core import Core
from common.exchange.events import EXTERNAL_ACCOUNT, TREASURY_ACCOUNT
from common.exchange.margin.events import FundingPaid, FundingSettled
from common.exchange.margin.funding_rate import funding_rate, hourly_payment, impact_price, mean, premium
from common.exchange.margin.margin import Perpetual
from common.exchange.margin.oracle import Oracle
from common.exchange.rules import NS_PER_S
from common.exchange.states import Key

FUNDING = "funding"
SAMPLE_NS = 5 * NS_PER_S
HOUR_NS = 3_600 * NS_PER_S
HOURS_MAX = 168
"""Hours that are settled after a silence; one that was longer than a week was no market."""


class FundingWindow(msgspec.Struct):
    """One market's samples since the last full hour, and the rate (of eight hours, 1e-9) that was paid at it."""

    premium_sum: int = 0
    samples: int = 0
    rate: int = 0
    settled_ns: int = 0


class FundingState(msgspec.Struct):
    """Windows by market; whether samples are being taken: from the first oracle price on."""

    windows: dict[str, FundingWindow] = msgspec.field(default_factory=dict)
    is_sampling: bool = False


class Funding:
    """Takes samples in all markets that have an oracle price, and settles full hours."""

    def __init__(self, core: Core, oracle: Oracle) -> None:
        self._core, self._oracle = core, oracle
        self.state = FundingState()

    def begin(self) -> None:
        """Take samples from the next boundary on, unless they are being taken."""
        if not self.state.is_sampling:
            self.state.is_sampling = True
            self._core.schedule((self._core.time_ns // SAMPLE_NS + 1) * SAMPLE_NS, FUNDING, "")

    def sample(self, _key: Key, due_ns: int) -> None:
        """Count the present premiums for all boundaries up to the next moment at which something may change."""
        core = self._core
        oldest_ns = core.time_ns - HOURS_MAX * HOUR_NS
        if due_ns < oldest_ns:
            due_ns = -(-oldest_ns // HOUR_NS) * HOUR_NS + SAMPLE_NS
            for window in self.state.windows.values():
                window.premium_sum = window.samples = 0
        hour_ns = -(-due_ns // HOUR_NS) * HOUR_NS
        until_ns = min(core.time_ns, hour_ns, core.agenda[0][0] if core.agenda else hour_ns)
        count = (until_ns - due_ns) // SAMPLE_NS + 1 if until_ns >= due_ns else 0
        next_ns = due_ns + count * SAMPLE_NS
        if count:
            for symbol in self._oracle.state.prices:
                self._count(symbol, count)
        if next_ns > hour_ns:
            for symbol in self._oracle.state.prices:
                self._settle(symbol, hour_ns)
        core.schedule(next_ns, FUNDING, "")

    def premium_now(self, symbol: str) -> int:
        """Premium of this moment at 1e-9; 0 without an oracle price."""
        index = self._oracle.state.prices.get(symbol, 0)
        if not index:
            return 0
        perpetual, book = self._core.margin.markets[symbol], self._core.markets[symbol].book
        wanted = max(1, perpetual.rules.impact_units // perpetual.units_per_tick_lot)
        return premium(index, _impact(book.bids, index, wanted), _impact(book.asks, index, wanted))

    def expected_rate(self, symbol: str) -> int:
        """Rate of eight hours at 1e-9 if the hour ended now: of its samples, or without any of this moment."""
        window = self.state.windows.get(symbol)
        if window is None or not window.samples:
            return funding_rate(self.premium_now(symbol))
        return funding_rate(mean(window.premium_sum, window.samples))

    def _count(self, symbol: str, count: int) -> None:
        window = self.state.windows.get(symbol)
        if window is None:
            window = self.state.windows[symbol] = FundingWindow()
        window.premium_sum += count * self.premium_now(symbol)
        window.samples += count

    def _settle(self, symbol: str, hour_ns: int) -> None:
        core, window = self._core, self.state.windows[symbol]
        average = mean(window.premium_sum, window.samples)
        window.rate, window.settled_ns = funding_rate(average), hour_ns
        window.premium_sum = window.samples = 0
        oracle = self._oracle.state.prices[symbol]
        perpetual = core.margin.markets[symbol]
        dust = sum(
            self._pay(account, perpetual, oracle * perpetual.units_per_tick_lot, window.rate)
            for account in sorted(core.margin.holders[symbol])
        )
        if dust:
            core.margin.accounts.open(TREASURY_ACCOUNT, perpetual.asset).wallet += dust
        core.tell(
            FundingSettled(
                time_ns=core.time_ns,
                symbol=symbol,
                hour_ns=hour_ns,
                premium=average,
                rate=window.rate,
                oracle_ticks=oracle,
                dust_units=dust,
            )
        )

    def _pay(self, account: str, perpetual: Perpetual, lot_units: int, rate: int) -> int:
        """Charge one holder; returns what it paid."""
        core, symbol = self._core, perpetual.symbol
        owner = core.margin.accounts.open(account, perpetual.asset)
        position = owner.positions[symbol]
        units = hourly_payment(position.net_lots * lot_units, rate)
        if position.isolated is None:
            owner.wallet -= units
        else:
            position.isolated -= units
        if account != EXTERNAL_ACCOUNT and units:
            core.margin.touched[perpetual.asset, account] = None
            core.tell(FundingPaid(time_ns=core.time_ns, account=account, symbol=symbol, units=units))
        return units


def _impact(side: BookSide, index: int, wanted: int) -> tuple[int, int] | None:
    """Impact price, of a side only as long as it may matter: the rest of a book is never better than its top."""
    best = side.best()
    if best is None or side.reaches(index, best.price):
        return None
    return impact_price(((level.price, level.quantity) for level in side.best_first()), wanted)
