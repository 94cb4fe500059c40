"""Settings of the paper chain: its node, the pool's background liquidity, the two traders, the LP's first money."""

import math

import msgspec


def _require_positive(config: msgspec.Struct, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        if not (math.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be positive and finite, got {value}")


class LiquidityConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One background range around the first price p: from p / `price_factor` to p x `price_factor`.

    `quote_per_percent` is the money (quote units) that moves the price by 1 % inside it.
    """

    price_factor: float
    quote_per_percent: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.price_factor) and self.price_factor > 1.01):
            raise ValueError("price_factor must be above 1.01")
        _require_positive(self, "quote_per_percent")


class ArbitrageConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The arbitrageur swaps when the gap exceeds the pool's fee by `margin_bps`; one swap sells at most this much."""

    margin_bps: float = 0.5
    quote_max: float = 5_000_000.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.margin_bps) and self.margin_bps >= 0):
            raise ValueError("margin_bps must be finite and at least 0")
        _require_positive(self, "quote_max")


class NoiseConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The noise trader: Poisson arrivals, lognormal sizes in quote units, bounded; leans back towards half and half."""

    swaps_per_minute: float = 12.0
    quote_median: float = 8_000.0
    size_sigma: float = 1.0
    quote_max: float = 200_000.0
    lean: float = 1.0
    slippage_bps: float = 100.0

    def __post_init__(self) -> None:
        _require_positive(self, "swaps_per_minute", "quote_median", "quote_max", "slippage_bps")
        if not (math.isfinite(self.size_sigma) and self.size_sigma >= 0 and 0 <= self.lean <= 4):
            raise ValueError("size_sigma must be at least 0 and lean between 0 and 4")


class LpFunding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the LP wallet is given once, in whole tokens. `native` is the coin that pays for gas."""

    native: float = 10.0
    base: float = 20.0
    quote: float = 54_000.0

    def __post_init__(self) -> None:
        _require_positive(self, "native", "base", "quote")


class PaperChainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. `block_interval_s` is the longest pause between two blocks: a swap makes one at once.

    `node_port` is where the node listens when something stands before it at the fleet's `rpc_url`; 0 = right there.
    """

    venue: str = "binance"
    symbol: str = "ETH-USDT"
    lp_key_file: str = "keys/lp.key"
    node_port: int = 0
    block_interval_s: float = 1.0
    round_interval_s: float = 0.25
    book_age_s_max: float = 2.0
    history_states: int = 64
    state_interval_s: int = 60
    blocks_kept: int = 1_000
    blocks_per_life: int = 5_000
    liquidity: list[LiquidityConfig]
    arbitrage: ArbitrageConfig = ArbitrageConfig()
    noise: NoiseConfig = NoiseConfig()
    lp_funding: LpFunding = LpFunding()

    def __post_init__(self) -> None:
        _require_positive(self, "block_interval_s", "round_interval_s", "book_age_s_max", "state_interval_s")
        if not 0 <= self.node_port < 65_536:
            raise ValueError(f"node_port must lie in 0..65535, got {self.node_port}")
        if not self.liquidity:
            raise ValueError("liquidity needs at least one range")
        if not 1 <= self.history_states <= self.blocks_kept <= self.blocks_per_life:
            raise ValueError("1 <= history_states <= blocks_kept <= blocks_per_life must hold")
