"""The only place that reads the time of day; everything else gets times passed in."""

import time


class Clock:
    """Wall clock for stamps, monotonic clock for timers, both in integer nanoseconds."""

    def now_ns(self) -> int:
        """UTC."""
        return time.time_ns()

    def monotonic_ns(self) -> int:
        """For durations; unaffected by clock jumps."""
        return time.monotonic_ns()
