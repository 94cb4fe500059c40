"""Settings of the market maker, and their translation to the instrument's grid."""

import math

import msgspec

from common.model.instrument import Instrument
from common.strategy.quote_rules import QuoteMode, QuoteRules

MS = 1_000_000


def _require_positive(config: msgspec.Struct, zero_too: tuple[str, ...]) -> None:
    for name in config.__struct_fields__:
        value = getattr(config, name)
        if not isinstance(value, int | float):
            continue
        if not math.isfinite(value) or value < 0 or (value == 0 and name not in zero_too):
            raise ValueError(f"{name} must be finite and {'at least' if name in zero_too else 'above'} 0, got {value}")


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """GLFT's parameters with 1 bp of the middle as the unit of price and `unit_base` as the unit of inventory.

    `arrival_rate_per_s` A and `decay_per_bp` k: fills of a quote `offset` from the middle come at A exp(-k offset).
    `risk_aversion` gamma, 1/(bp x unit). `xi_impact_bps`: adverse move per fill. sigma is measured (EWMA of the middle
    with `sigma_half_life_s`) and held between `sigma_bps_min` and `sigma_bps_max`, in bps per sqrt(second).
    """

    unit_base: float = 0.1
    arrival_rate_per_s: float = 0.4
    decay_per_bp: float = 1.2
    risk_aversion: float = 0.04
    xi_impact_bps: float = 0.0
    sigma_bps_min: float = 0.3
    sigma_bps_max: float = 10.0
    sigma_half_life_s: float = 60.0

    def __post_init__(self) -> None:
        _require_positive(self, zero_too=("xi_impact_bps",))
        if self.sigma_bps_max < self.sigma_bps_min:
            raise ValueError(f"sigma_bps_max must be at least sigma_bps_min, got {self.sigma_bps_max}")


class MarketMakerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`market_maker.toml`; what each value means stands in common/strategy/quote_rules.py.

    Quantities in base units, distances in bps of the middle, times in the unit of the name. `check_interval_ms`: how
    often staleness, retries and backoffs are looked at without any news. `stop_timeout_s`: how long a stopping process
    waits for its last cancels.
    """

    venue: str
    symbol: str
    mode: QuoteMode = QuoteMode.ONE_SIDED
    model: ModelConfig = ModelConfig()
    behind_touch_bps: float = 0.8
    quantity_min_base: float = 0.05
    quantity_max_base: float = 6.0
    depth_multiple: float = 1.0
    depth_floor_base: float = 2.0
    depth_memory_s: float = 10.0
    echo_ms: float = 250.0
    requote_bps: float = 0.1
    requote_fraction: float = 0.5
    order_age_ms_min: float = 300.0
    order_life_ms: float = 500.0
    cancel_retry_ms: float = 1_000.0
    unknown_grace_ms: float = 1_000.0
    post_only_backoff_ms: float = 50.0
    reject_backoff_ms: float = 250.0
    reject_backoff_ms_max: float = 10_000.0
    other_bps: float = 3.0
    other_base: float = 0.2
    other_inventory_base_max: float = 2.0
    spread_bps_max: float = 50.0
    book_age_ms_max: float = 500.0
    exposure_age_ms_max: float = 2_000.0
    lp_age_ms_max: float = 3_500.0
    fill_age_ms_max: float = 2_000.0
    oms_silence_s_max: float = 2.0
    oms_timeout_s: float = 2.0
    check_interval_ms: float = 50.0
    stop_timeout_s: float = 5.0

    def __post_init__(self) -> None:
        _require_positive(self, zero_too=("behind_touch_bps", "requote_bps", "requote_fraction", "order_age_ms_min"))
        if self.quantity_max_base < self.quantity_min_base:
            raise ValueError(f"quantity_max_base must be at least quantity_min_base, got {self.quantity_max_base}")
        if self.reject_backoff_ms_max < self.reject_backoff_ms:
            raise ValueError(f"reject_backoff_ms_max must be at least reject_backoff_ms: {self.reject_backoff_ms_max}")

    def rules(self, instrument: Instrument) -> QuoteRules:
        """The same choices in ticks, lots and nanoseconds. Quantities are rounded down, but to at least one lot."""

        def lots(quantity_base: float) -> int:
            return max(math.floor(quantity_base / float(instrument.lot_size) + 1e-9), 1)

        return QuoteRules(
            mode=self.mode,
            unit_lots=lots(self.model.unit_base),
            behind_touch_bps=self.behind_touch_bps,
            quantity_min_lots=max(lots(self.quantity_min_base), instrument.quantity_lots_min),
            notional_min=math.ceil(instrument.notional_min / instrument.tick_size / instrument.lot_size),
            quantity_max_lots=min(lots(self.quantity_max_base), instrument.quantity_lots_max),
            depth_multiple=self.depth_multiple,
            depth_floor_lots=lots(self.depth_floor_base),
            depth_memory_ns=int(self.depth_memory_s * 1e9),
            echo_ns=int(self.echo_ms * MS),
            requote_bps=self.requote_bps,
            requote_fraction=self.requote_fraction,
            order_age_ns_min=int(self.order_age_ms_min * MS),
            order_life_ns=int(self.order_life_ms * MS),
            cancel_retry_ns=int(self.cancel_retry_ms * MS),
            unknown_grace_ns=int(self.unknown_grace_ms * MS),
            post_only_backoff_ns=int(self.post_only_backoff_ms * MS),
            reject_backoff_ns=int(self.reject_backoff_ms * MS),
            reject_backoff_ns_max=int(self.reject_backoff_ms_max * MS),
            other_bps=self.other_bps,
            other_lots=lots(self.other_base),
            other_inventory_lots_max=lots(self.other_inventory_base_max),
            spread_bps_max=self.spread_bps_max,
            book_age_ns_max=int(self.book_age_ms_max * MS),
            exposure_age_ns_max=int(self.exposure_age_ms_max * MS),
            lp_age_ns_max=int(self.lp_age_ms_max * MS),
            fill_age_ns_max=int(self.fill_age_ms_max * MS),
            oms_silence_s_max=self.oms_silence_s_max,
        )
