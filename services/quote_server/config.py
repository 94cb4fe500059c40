"""Settings of one quote server."""

import msgspec

SNAPSHOT_LEVELS_MAX = 5_000


class QuoteServerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in the unit that each name ends with.

    depth_levels          levels a side in an image
    images_per_s_max      long-run limit; `image_burst` may go at once, half of them kept for a moved touch
    unchanged_image_ms    an image is repeated after that time as proof of life
    stale_after_ms        no depth or touch frame for so long: the feed is stale
    depth_stale_after_ms  the same for depth frames alone: touches without depth are half a feed
    frame_age_ms_max      a frame that was under way longer (clock offset removed) makes the feed stale
    redial_after_ms       no frame at all for so long: the connection is given up
    snapshot_levels       levels a side asked for when a book is built
    """

    depth_levels: int = 20
    images_per_s_max: float = 20.0
    image_burst: int = 6
    unchanged_image_ms: float = 250.0
    stale_after_ms: float = 500.0
    depth_stale_after_ms: float = 2_000.0
    frame_age_ms_max: float = 500.0
    redial_after_ms: float = 3_000.0
    snapshot_levels: int = 1_000
    request_timeout_s: float = 3.0
    reconnect_first_s: float = 0.1
    reconnect_cap_s: float = 5.0
    clock_interval_s: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.depth_levels <= self.snapshot_levels <= SNAPSHOT_LEVELS_MAX:
            raise ValueError(f"expected 1 <= depth_levels <= snapshot_levels <= {SNAPSHOT_LEVELS_MAX}")
        if self.image_burst < 2:
            raise ValueError("image_burst must be at least 2")
        for name in self.__struct_fields__:
            if not 0 < getattr(self, name) < 1e6:
                raise ValueError(f"{name} must be positive and below 1e6")
        if not self.stale_after_ms <= self.depth_stale_after_ms <= self.redial_after_ms:
            raise ValueError("expected stale_after_ms <= depth_stale_after_ms <= redial_after_ms")
        if self.reconnect_first_s > self.reconnect_cap_s:
            raise ValueError("reconnect_first_s must not exceed reconnect_cap_s")
