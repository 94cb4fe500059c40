"""When the oms falls silent, its orders must come off: who nobody manages must not trade. Pure."""

REPEAT_NS = 1_000_000_000


class DeadMan:
    """Fires once when a living oms has been silent for too long, again each second while something still rests, and is
    armed anew when the oms returns. Before the first heartbeat it does nothing: start-up has cancelled everything.
    """

    def __init__(self, silence_s_max: float) -> None:
        self._silence_s_max = silence_s_max
        self._is_armed = self._has_fired = False
        self._fired_ns = 0

    def check(self, silence_s: float, is_resting: bool, now_ns: int) -> bool:
        """True if everything must be cancelled now. `now_ns` is monotonic."""
        if silence_s <= self._silence_s_max:
            self._is_armed, self._has_fired = True, False
            return False
        is_repeat = self._has_fired and is_resting and now_ns - self._fired_ns >= REPEAT_NS
        if not self._is_armed and not is_repeat:
            return False
        self._is_armed, self._has_fired, self._fired_ns = False, True, now_ns
        return True
