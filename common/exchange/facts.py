"""What a market knows of itself beside its book: last and mark price, its phase, and the trades of a rolling window."""

from collections import deque

from common.exchange.commands import PriceReference
from common.exchange.events import LastChanged, MarkChanged, MarketPhase, PhaseChanged, TradeExecuted
from common.exchange.rules import BPS, NS_PER_S, MarketRules


class MarketFacts:
    """Folded from events, live and at a restart alike. Prices are ticks, 0 = none yet."""

    def __init__(self, rules: MarketRules) -> None:
        self.rules = rules
        self.last = self.mark = 0
        self.phase, self.phase_until_ns, self.is_open = MarketPhase.OPEN, 0, True
        self._window: deque[tuple[int, int]] = deque()

    @property
    def reference(self) -> int:
        """What price bands are around: the mark, or else the last price; 0 = neither."""
        return self.mark or self.last

    def watched(self, reference: PriceReference) -> int:
        """The price that triggers of this kind watch; 0 = none yet."""
        return self.mark if reference is PriceReference.MARK else self.last

    def band(self) -> tuple[int, int] | None:
        """Lowest and highest price allowed, both inside of the band; None = every price is."""
        reference, width = self.reference, self.rules.price_band_bps
        if not reference or not width:
            return None
        return -(-reference * (BPS - width) // BPS), reference * (BPS + width) // BPS

    def trade(self, event: TradeExecuted) -> None:
        """The last price, and an entry of the window."""
        self.last = event.price_ticks
        if not self.rules.breaker_bps:
            return
        window, oldest_ns = self._window, event.time_ns - self.rules.breaker_window_s * NS_PER_S
        while window and window[0][0] < oldest_ns:
            window.popleft()
        # Of one moment only the first price can ever be the oldest of the window.
        if not window or window[-1][0] != event.time_ns:
            window.append((event.time_ns, event.price_ticks))

    def change_mark(self, event: MarkChanged) -> None:
        """The mark."""
        self.mark = event.price_ticks

    def change_last(self, event: LastChanged) -> None:
        """A last price from elsewhere: no trade of this market, so not of the window."""
        self.last = event.price_ticks

    def change_phase(self, event: PhaseChanged) -> None:
        """The phase. The window starts anew when trading does."""
        self.phase, self.phase_until_ns = event.phase, event.until_ns
        self.is_open = event.phase is MarketPhase.OPEN
        if self.is_open:
            self._window.clear()

    def must_halt(self) -> bool:
        """True when the last trade has moved too far from the oldest one of the rolling window before it."""
        if not self._window:
            return False
        first = self._window[0][1]
        return abs(self.last - first) * BPS >= first * self.rules.breaker_bps

    def state(self) -> tuple[int, int, str, int, list[tuple[int, int]]]:
        """All of it, for fingerprints."""
        return self.last, self.mark, self.phase, self.phase_until_ns, list(self._window)
