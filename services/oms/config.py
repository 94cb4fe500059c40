"""Settings of the oms."""

import math
from decimal import Decimal

import msgspec

from common.model.instrument import Instrument
from common.risk.limits import OrderLimits
from common.storage.journal import Durability


class MarketLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one market. Quantities in base units, notional in quote units, the collar in bps of the middle."""

    venue: str
    symbol: str
    order_quantity_max: Decimal
    order_notional_max: float
    position_quantity_max: Decimal
    open_orders_max: int
    price_collar_bps: float
    book_age_ms_max: float = 2_000.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__[2:]:
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")

    def in_lots(self, instrument: Instrument) -> OrderLimits:
        """The same limits on the instrument's grid; raises OrderInvalid for a quantity that is no whole lot."""
        return OrderLimits(
            order_lots_max=instrument.to_lots(self.order_quantity_max),
            order_notional_max=self.order_notional_max,
            position_lots_max=instrument.to_lots(self.position_quantity_max),
            open_orders_max=self.open_orders_max,
            price_collar_bps=self.price_collar_bps,
            book_age_ms_max=self.book_age_ms_max,
        )


class OmsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`oms.toml`.

    `journal_durability`: "full" fsyncs every fact (intents ride along, see Desk.accept) and survives a power cut,
    "process" survives kill -9.
    `execution_timeout_s`: after it an order is UNKNOWN and is queried. `command_ttl_ms_max` caps how long an order
    may be under way, `absence_grace_ms` is added before "the venue does not know it" is believed: it must exceed the
    execution handler's receive window, within which the venue still takes an order that has left.
    `lease_s`: a strategy that is silent for longer loses its orders. `finished_orders_kept`, `fills_kept`: in
    memory; `journal_entries_kept`: on disk.
    """

    limits: list[MarketLimits]
    gross_notional_max: float
    journal_durability: Durability = "full"
    execution_timeout_s: float = 2.0
    execution_silence_s_max: float = 3.0
    command_ttl_ms_max: float = 5_000.0
    absence_grace_ms: float = 3_000.0
    lease_s: float = 2.0
    reconcile_interval_s: float = 60.0
    finished_orders_kept: int = 1_000
    fills_kept: int = 5_000
    snapshot_entries: int = 5_000
    journal_entries_kept: int = 1_000_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        markets = [(each.venue, each.symbol) for each in self.limits]
        if not markets or len(set(markets)) != len(markets):
            raise ValueError("limits must name each market that may be traded exactly once, and at least one")
