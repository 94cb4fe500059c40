"""Where a perpetual's mark price comes from: its own market, kept near the oracle."""

from common.exchange.rules import BPS


def derived_mark(oracle: int, bid: int, ask: int, last: int, band_bps: int) -> int:
    """Median of best bid, best ask and last trade, within `oracle` +- the band. Ticks; 0 = there is none.

    What a market does not have the oracle stands in for, so an empty market is marked at the oracle. The band is
    rounded inward, so that the mark is never further away than allowed.
    """
    _, median, _ = sorted(each or oracle for each in (bid, ask, last))
    low, high = -(-oracle * (BPS - band_bps) // BPS), oracle * (BPS + band_bps) // BPS
    return max(low, min(high, median))
