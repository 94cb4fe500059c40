"""What a market's operator decides: limits, bands, slippage, the circuit breaker. Zero switches a rule off."""

from typing import Final

import msgspec

NS_PER_S: Final = 1_000_000_000
BPS: Final = 10_000


class MarketRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rules of one market; sizes and steps are the instrument's.

    price_band_bps       limit orders must be, and matching stays, within the reference (mark, else last) +- the band
    market_slippage_bps  a market order's worst price is the best opposite one and so much of it
    breaker_bps          a last price that moved by so much against the first one of the rolling window halts trading
    client_ids_once      a client order id is never accepted twice; otherwise an ended order's may be used again
    """

    open_orders_max: int = 200
    client_ids_once: bool = False
    price_band_bps: int = 0
    market_slippage_bps: int = 0
    breaker_bps: int = 0
    breaker_window_s: int = 300
    halt_s: int = 300
    post_only_s: int = 60
    triggers_max: int = 1_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.price_band_bps >= BPS:
            raise ValueError(f"price_band_bps must be below {BPS}, got {self.price_band_bps}")
