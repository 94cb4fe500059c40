"""What a supervised process owes its supervisor: one life per role, and none without the supervisor."""

import ctypes
import fcntl
import os
import signal
import sys
import time
from pathlib import Path
from typing import IO

from common.model.errors import RoleTaken

_PR_SET_PDEATHSIG = 1
_START_SECONDS = 1.5


def take_role(folder: Path, process: str) -> IO[str]:
    """Lock the role of `process`; keep the returned file open for as long as it is held.

    Raises RoleTaken when another live process holds it. The lock goes with the process, however that ends; without
    it a second bind on an ipc address would succeed silently and split the subscribers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{process}.lock"
    file = path.open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise RoleTaken(f"{process} is running already (pid {holder}, {path})") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Ask the kernel (Linux) to send `number` to this process when its parent dies; elsewhere nothing happens.

    A supervisor that is killed would leave orphans behind, and its successor would start duplicates beside them.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, number)


def is_supervised() -> bool:
    """True when supervisord started this process."""
    return "SUPERVISOR_ENABLED" in os.environ


def outlive_start() -> None:
    """Call before an exit with a final code (75, 78). supervisord looks at exit codes only of processes that lived
    longer than its `startsecs`; one that ends earlier is retried, whatever it said.
    """
    if is_supervised():
        time.sleep(_START_SECONDS)
