"""Settings of one execution handler."""

import msgspec

RECV_WINDOW_MS_MAX = 60_000


class ExecutionHandlerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Times in the unit that each name ends with.

    user_stream_url       `{stream_url}` stands for the fleet's; a live venue serves its WebSocket API elsewhere
    recv_window_ms        the venue refuses what reaches it later; an order unanswered for longer cannot appear any more
    request_timeout_s     no answer for so long: the outcome is unknown
    lost_after_tries      "no such order" so often ...
    lost_grace_ms         ... over at least this time, after the receive window: the order never arrived
    resolve_tries_max     questions about one unknown outcome before it is parked until the next reconciliation
    oms_silence_s_max     no heartbeat of the oms for so long: its orders are taken off
    connections_warm      open connections to the venue that are kept ready for orders
    reconcile_interval_s  open orders and trades are compared so often; each second while the user stream is down
    orders_kept           orders of this boot that are remembered, for repeated ids
    """

    user_stream_url: str = "{stream_url}/ws-api/v3"
    recv_window_ms: int = 2_000
    request_timeout_s: float = 2.0
    lost_after_tries: int = 3
    lost_grace_ms: float = 500.0
    resolve_first_s: float = 0.1
    resolve_cap_s: float = 2.0
    resolve_tries_max: int = 60
    oms_silence_s_max: float = 2.0
    connections_warm: int = 4
    reconcile_interval_s: float = 30.0
    clock_interval_s: float = 15.0
    reconnect_first_s: float = 0.1
    reconnect_cap_s: float = 5.0
    orders_kept: int = 20_000

    def __post_init__(self) -> None:
        for name in self.__struct_fields__[1:]:
            if not 0 < getattr(self, name) < 1e6:
                raise ValueError(f"{name} must be positive and below 1e6")
        if self.recv_window_ms > RECV_WINDOW_MS_MAX:
            raise ValueError(f"recv_window_ms must be at most {RECV_WINDOW_MS_MAX}, the venue's limit")
        if self.lost_after_tries < 2:
            raise ValueError("lost_after_tries must be at least 2: a venue may list an order late")
        if self.connections_warm > 16:
            raise ValueError("connections_warm must be at most 16")
        if self.reconnect_first_s > self.reconnect_cap_s or self.resolve_first_s > self.resolve_cap_s:
            raise ValueError("a first wait must not exceed its cap")
