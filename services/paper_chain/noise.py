"""A trader without opinion: random moments, sizes and directions from one seeded generator. Pure."""

from math import log
from random import Random

import msgspec

from services.paper_chain.config import NoiseConfig


class NoiseSwap(msgspec.Struct, frozen=True, kw_only=True):
    """Sell base (or quote) worth `quote_amount`, in whole quote tokens."""

    sells_base: bool
    quote_amount: float


class NoiseTrader:
    """Arrivals are Poisson. Moments are seconds of any clock that the caller keeps to."""

    def __init__(self, config: NoiseConfig, random: Random, now_s: float) -> None:
        self._config, self._random = config, random
        self._next_s = now_s + self._pause_s()

    def arrives(self, now_s: float) -> bool:
        """True once per arrival that is due. Arrivals missed during a standstill do not pile up."""
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._pause_s()
        return True

    def choose(self, base_value: float, quote_value: float) -> NoiseSwap:
        """The swap of one arrival, given what the trader owns of each token, both in quote units.

        The more of one token it owns, the likelier it sells that one: over a day it goes nowhere.
        """
        total = base_value + quote_value
        share = base_value / total if total > 0 else 0.5
        chance = min(max(0.5 + self._config.lean * (share - 0.5), 0.0), 1.0)
        sells_base = self._random.random() < chance
        size = self._random.lognormvariate(log(self._config.quote_median), self._config.size_sigma)
        owned = base_value if sells_base else quote_value
        return NoiseSwap(sells_base=sells_base, quote_amount=min(size, self._config.quote_max, owned))

    def _pause_s(self) -> float:
        return self._random.expovariate(self._config.swaps_per_minute / 60.0)
