"""A strategy that falls silent loses its resting orders: nobody would move them when the market moves."""

from common.bus import Bus
from common.runtime.clock import Clock
from common.runtime.logging import Log
from services.oms.desk import Desk
from services.oms.router import Router


class Lease:
    """Watches the heartbeats of the strategies (an order's `strategy` is the name of its process)."""

    def __init__(self, desk: Desk, router: Router, bus: Bus, clock: Clock, log: Log, lease_s: float) -> None:
        self._desk, self._router, self._bus, self._clock, self._log = desk, router, bus, clock, log
        self._lease_s, self._started_ns = lease_s, clock.monotonic_ns()
        self._lapsed: set[str] = set()

    def check(self) -> None:
        """Cancel the live orders of every silent strategy; called a few times a second."""
        since_start_s = (self._clock.monotonic_ns() - self._started_ns) / 1e9
        orders = list(self._desk.ledger.live.values())
        lapsed = set()
        for strategy in {order.strategy for order in orders}:
            # Before the first heartbeat of our own life the lease counts from our start.
            if min(self._bus.silence_s(strategy), since_start_s) > self._lease_s:
                lapsed.add(strategy)
        for strategy in sorted(lapsed - self._lapsed):
            self._log.error("lease.lapsed", strategy=strategy, lease_s=self._lease_s)
        self._lapsed = lapsed
        for order in orders:
            if order.strategy in lapsed:
                self._router.cancel(order)
