"""The model's lines from what the market does: sigma measured, the rest configured."""

from common.messages import BookImage
from common.pricing.glft import GlftParameters, LinearQuotes, closed_form
from common.pricing.volatility import EwmaVolatility
from services.market_maker.config import ModelConfig

BPS = 10_000.0


class Tuner:
    """Feeds the middle to the volatility estimate and gives GLFT's closed form in ticks. Called once a second."""

    def __init__(self, model: ModelConfig) -> None:
        self._model = model
        self._volatility = EwmaVolatility(model.sigma_half_life_s)
        self._mid_ticks = 1.0
        self.sigma_bps = model.sigma_bps_min

    def see(self, book: BookImage | None) -> None:
        """Take the middle of a two-sided book."""
        if book is None or not book.bids or not book.asks:
            return
        self._mid_ticks = book.mid_ticks
        self._volatility.add(book.received_ns, self._mid_ticks)
        measured_ticks = self._volatility.sigma()
        measured_bps = self._model.sigma_bps_min if measured_ticks is None else measured_ticks / self._mid_ticks * BPS
        self.sigma_bps = min(max(measured_bps, self._model.sigma_bps_min), self._model.sigma_bps_max)

    def line(self) -> LinearQuotes:
        """Offsets in ticks for inventories in units."""
        model = self._model
        bps = closed_form(
            GlftParameters(
                sigma=self.sigma_bps,
                arrival_rate=model.arrival_rate_per_s,
                decay=model.decay_per_bp,
                risk_aversion=model.risk_aversion,
                xi_impact=model.xi_impact_bps,
            )
        )
        ticks_per_bp = self._mid_ticks / BPS
        return LinearQuotes(bps.half_spread * ticks_per_bp, bps.skew * ticks_per_bp)
