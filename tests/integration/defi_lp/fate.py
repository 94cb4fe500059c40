"""Death inside a test, at a chosen journal step: a journal class that dies at the n-th commit.

A commit is the step: what is appended before it is not durable, and what follows it may already have happened. So each
is died at twice, just before (the record is lost, all that came before it has happened) and just after (the record
stands, nothing that it allows has happened). mortal.py does the same to the real process, by SIGKILL.
"""

from collections.abc import Callable

import msgspec

from common.storage import Journal
from common.storage.journal import JournalReader

BEFORE, AFTER = "before", "after"


class Death(BaseException):
    """The end of a life inside a test. No handler of the product catches it."""


class Fate:
    """Which commit is the last: the `at`-th of all journals together, from 1; 0 = none. `commits` are those that came,
    each by its journal and its records. `strike` ends the life.
    """

    def __init__(self, at: int = 0, moment: str = AFTER, strike: Callable[[], None] = lambda: None) -> None:
        self.at, self.moment, self.commits = at, moment, list[str]()
        self.is_dead = False
        self._strike = strike

    def live_on(self) -> None:
        """Raises Death in whoever goes on after the end."""
        if self.is_dead:
            raise Death

    def meet(self, moment: str, name: str) -> None:
        """A commit begins or is over."""
        self.live_on()
        if moment == BEFORE:
            self.commits.append(name)
        if moment == self.moment and len(self.commits) == self.at:
            self.is_dead = True
            self._strike()
            raise Death


def journal_of(fate: Fate) -> type[Journal]:
    """A real journal under this fate."""

    class MortalJournal(Journal):
        _records: tuple[str, ...] = ()

        def append(self, record: msgspec.Struct) -> int:
            fate.live_on()
            sequence = super().append(record)
            self._records = (*self._records, type(record).__name__)
            return sequence

        def commit(self) -> None:
            if not self._records:
                return super().commit()
            name = f"{self.path.stem}: {' '.join(self._records)}"
            fate.meet(BEFORE, name)
            self._records = ()
            super().commit()
            fate.meet(AFTER, name)

        def close(self) -> None:
            # The dead commit nothing.
            JournalReader.close(self) if fate.is_dead else super().close()

    return MortalJournal
