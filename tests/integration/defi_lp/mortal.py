"""The LP process with a death in it: `python -m tests.integration.defi_lp.mortal JOURNAL COMMIT WHEN CONFIGS`.

It runs the very service, and kills itself with SIGKILL at the n-th commit of one of its journals that has something to
write: WHEN `before` it (what it wrote is lost) or `after` it (nothing of what follows is done). JOURNAL is the file's
name without its end (`lp`, `lp_transactions`) or `any`. The product knows nothing of this.
"""

import os
import signal
import sys

from common.runtime.entry import run
from common.storage.journal import Journal
from services.defi_lp.config import DefiLpConfig
from services.defi_lp.service import DefiLpService

WHEN = ("before", "after")


def make_mortal(journal: str, commit: int, when: str) -> None:
    """From now on the process dies at that commit."""
    if when not in WHEN or commit < 1:
        raise SystemExit(f"COMMIT from 1, WHEN of {WHEN}")
    original, left = Journal.commit, commit

    def dying(self: Journal) -> None:
        nonlocal left
        counts = self._open_transaction and journal in ("any", self.path.stem)
        left -= counts
        if counts and left == 0 and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        original(self)
        if counts and left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    Journal.commit = dying  # type: ignore[method-assign]


if __name__ == "__main__":
    make_mortal(sys.argv[1], int(sys.argv[2]), sys.argv[3])
    sys.exit(run(DefiLpService, DefiLpConfig, sys.argv[4:]))
