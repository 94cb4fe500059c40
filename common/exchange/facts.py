"""What a market knows of itself beside its book: last and mark price, its phase, and the trades of a rolling window."""

from collections import deque

from common.exchange.commands import PriceReference
from common.exchange.events import MarketPhase
from common.exchange.rules import BPS, NS_PER_S, MarketRules
from common.exchange.states import FactsState


class MarketFacts:
    """Last and mark price, phase and window of one market. Prices are ticks, 0 = none yet.

    `reference` is what price bands and margin go by: the mark, or else the last price. Every order asks for it, so it
    is kept beside them; only `set_mark`, `set_last` and `load` change the three.
    """

    def __init__(self, rules: MarketRules) -> None:
        self.rules = rules
        # What is asked for with every order and trade.
        self.open_orders_max, self.price_band_bps = rules.open_orders_max, rules.price_band_bps
        self.breaker_bps = rules.breaker_bps
        self._last = self._mark = self.reference = 0
        self.phase, self.phase_until_ns, self.is_open = MarketPhase.OPEN, 0, True
        self._window: deque[tuple[int, int]] = deque()

    def set_mark(self, price: int) -> None:
        """Another mark."""
        self._mark, self.reference = price, price or self._last

    def set_last(self, price: int) -> None:
        """Another last price."""
        self._last = price
        if not self._mark:
            self.reference = price

    @property
    def last(self) -> int:
        """The last price."""
        return self._last

    @property
    def mark(self) -> int:
        """The mark price."""
        return self._mark

    def watched(self, reference: PriceReference) -> int:
        """The price that triggers of this kind watch; 0 = none yet."""
        return self._mark if reference is PriceReference.MARK else self._last

    def band(self) -> tuple[int, int] | None:
        """Lowest and highest price allowed, both inside of the band; None = every price is."""
        reference, width = self.reference, self.rules.price_band_bps
        if not reference or not width:
            return None
        return -(-reference * (BPS - width) // BPS), reference * (BPS + width) // BPS

    def trade(self, time_ns: int, price: int) -> None:
        """The last price, and an entry of the window."""
        self.set_last(price)
        if not self.breaker_bps:
            return
        window, oldest_ns = self._window, time_ns - self.rules.breaker_window_s * NS_PER_S
        while window and window[0][0] < oldest_ns:
            window.popleft()
        # Of one moment only the first price can ever be the oldest of the window.
        if not window or window[-1][0] != time_ns:
            window.append((time_ns, price))

    def change_phase(self, phase: MarketPhase, until_ns: int) -> None:
        """The phase. The window starts anew when trading does."""
        self.phase, self.phase_until_ns = phase, until_ns
        self.is_open = phase is MarketPhase.OPEN
        if self.is_open:
            self._window.clear()

    def must_halt(self) -> bool:
        """True when the last trade has moved too far from the oldest one of the rolling window before it."""
        if not self._window:
            return False
        first = self._window[0][1]
        return abs(self._last - first) * BPS >= first * self.rules.breaker_bps

    @property
    def state(self) -> FactsState:
        """All of it, for snapshots."""
        return FactsState(
            last=self._last, mark=self._mark, phase=self.phase, phase_until_ns=self.phase_until_ns,
            window=list(self._window),
        )  # fmt: skip

    def load(self, state: FactsState) -> None:
        """Become what `state` was."""
        self.set_last(state.last)
        self.set_mark(state.mark)
        self.phase, self.phase_until_ns = state.phase, state.phase_until_ns
        self.is_open = state.phase is MarketPhase.OPEN
        self._window.extend(state.window)
