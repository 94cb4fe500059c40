"""What a venue still lets us ask: counters in fixed windows, with a reserve that only cancels may touch."""

from collections.abc import Mapping

import msgspec

Cost = Mapping[str, int]


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """One limit: at most `limit` units in each window of `window_s`, of which `reserve` are kept for cancels."""

    name: str
    limit: int
    window_s: int
    reserve: int = 0


class RatePools:
    """Counts what was spent. The venue's own figures, when it tells them, overwrite ours."""

    def __init__(self, pools: list[Pool]) -> None:
        self._pools = {pool.name: pool for pool in pools}
        self._used: dict[str, tuple[int, int]] = {}
        self._ordinary_blocked_until_ns = 0
        self._all_blocked_until_ns = 0

    def take(self, cost: Cost, now_ns: int, urgent: bool = False) -> bool:
        """Spend a request's cost if every pool allows it; False spends nothing. `urgent` may use the reserve."""
        if now_ns < (self._all_blocked_until_ns if urgent else self._ordinary_blocked_until_ns):
            return False
        for name, units in cost.items():
            pool = self._pools[name]
            if self.used(name, now_ns) + units > pool.limit - (0 if urgent else pool.reserve):
                return False
        for name, units in cost.items():
            self._used[name] = (self._window(name, now_ns), self.used(name, now_ns) + units)
        return True

    def used(self, name: str, now_ns: int) -> int:
        """Units spent in the present window."""
        window, used = self._used.get(name, (-1, 0))
        return used if window == self._window(name, now_ns) else 0

    def overwrite(self, name: str, used: int, now_ns: int) -> None:
        """The venue says how much of a pool is used. Other clients of the same address count there as well.

        Within a window a lower figure than ours is an answer that requests under way have overtaken: ours stays.
        """
        if name in self._pools:
            self._used[name] = (self._window(name, now_ns), max(used, self.used(name, now_ns)))

    def block(self, until_ns: int, including_urgent: bool) -> None:
        """The venue demands silence. After a mere warning (429) cancels still go out; during a ban (418) nothing."""
        self._ordinary_blocked_until_ns = max(self._ordinary_blocked_until_ns, until_ns)
        if including_urgent:
            self._all_blocked_until_ns = max(self._all_blocked_until_ns, until_ns)

    def blocked_s(self, now_ns: int) -> float:
        """Seconds until ordinary requests may go again."""
        return max(0, self._ordinary_blocked_until_ns - now_ns) / 1e9

    def _window(self, name: str, now_ns: int) -> int:
        # Venues count in windows aligned to their clock; a few ms of offset are covered by the reserve.
        return now_ns // (self._pools[name].window_s * 1_000_000_000)
