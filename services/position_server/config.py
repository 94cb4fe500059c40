"""Settings of the position server."""

import math

import msgspec

from common.storage.journal import Durability


class PositionServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`position_server.toml`.

    `hedge_venue` and `hedge_symbol` name the market whose lots the hedge target is told in. `beta` is the share of
    the LP's residual that is hedged (1 = all). An LP inventory older than `lp_age_ms_max`, or a silent `defi_lp`,
    makes the exposure incomplete; blocks that change nothing are not published, so the age limit is a generous one.
    """

    hedge_venue: str
    hedge_symbol: str
    beta: float = 1.0
    lp_age_ms_max: float = 60_000.0
    silence_s_max: float = 3.0
    publish_interval_s: float = 0.5
    profit_interval_s: float = 1.0
    reconcile_interval_s: float = 60.0
    reconcile_retry_s: float = 1.0
    request_timeout_s: float = 2.0
    snapshot_interval_s: float = 2.0
    journal_entries_kept: int = 10_000
    journal_durability: Durability = "full"

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, int | float) and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
