"""How an unknown outcome becomes known: ask, wait, ask; "no such order" counts only once it can be final. Pure."""

from common.venues.backoff import Backoff


class Resolution:
    """One order whose outcome is unknown.

    The request may still be on its way until `window_ends_ns` (its sending plus the receive window): a venue that does
    not know the order before then proves nothing. After it, `tries` refusals over at least `grace_ns` prove that it
    never arrived. Times are monotonic.
    """

    def __init__(self, window_ends_ns: int, tries: int, grace_ns: int, tries_max: int, backoff: Backoff) -> None:
        self._window_ends_ns, self._tries, self._grace_ns, self._tries_max = window_ends_ns, tries, grace_ns, tries_max
        self._backoff = backoff
        self._missing = 0
        self._first_missing_ns = 0

    @property
    def is_exhausted(self) -> bool:
        """True after `tries_max` questions: somebody else must take it up again."""
        return self._backoff.attempts >= self._tries_max

    def next_wait_s(self) -> float:
        """How long to wait before the next question."""
        wait_s = self._backoff.next_s()
        if self._missing:
            # The window is over and the venue denied the order: only the grace period is left to wait for.
            return min(max(wait_s, self._grace_ns / 1e9 / (self._tries - 1)), 1.0)
        return wait_s

    def on_missing(self, asked_ns: int) -> bool:
        """The venue knew no such order when it was asked at `asked_ns`. True: it never arrived."""
        if asked_ns <= self._window_ends_ns:
            return False
        if not self._missing:
            self._first_missing_ns = asked_ns
        self._missing += 1
        return self._missing >= self._tries and asked_ns - self._first_missing_ns >= self._grace_ns
