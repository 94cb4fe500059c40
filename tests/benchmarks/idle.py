"""What the paper fleet costs while it trades a synthetic market at 20 book images a second, beside as many bare
interpreters that only import what every process imports.
"""

import os
import subprocess
import sys
import time

from services.console.proc import usages
from tests.benchmarks.measure import table
from tests.fleet.fleet import PaperFleet

SECONDS = 30.0
SETTLE_S = 5.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
PROCESSES = 10  # eight services, supervisord and anvil
BARE = "import asyncio, aiohttp, msgspec, zmq, sys; print(flush=True); sys.stdin.read()"


def main() -> None:
    """Print memory and processor share of the fleet, supervisord and anvil included."""
    fleet = PaperFleet()
    try:
        fleet.up()
        supervisor = fleet.ask("status")["run"]["supervisor_pid"]
        time.sleep(SETTLE_S)
        before, began_s, images = usages([supervisor])[supervisor], time.monotonic(), _images(fleet)
        time.sleep(SECONDS)
        after, spent_s = usages([supervisor])[supervisor], time.monotonic() - began_s
        share = (after.cpu_s - before.cpu_s) / spent_s
        rate = (_images(fleet) - images) / spent_s
    finally:
        fleet.remove()
    bare = _bare_bytes(PROCESSES)
    table(
        ("", "processes", "resident MB", "x bare", "% of one core", "book images/s"),
        [
            ("bare interpreters", PROCESSES, round(bare / 1e6), 1.0, 0.0, "-"),
            (
                "paper fleet",
                PROCESSES,
                round(after.rss_bytes / 1e6),
                after.rss_bytes / bare,
                share * 100,
                round(rate, 1),
            ),
        ],
    )


def _images(fleet: PaperFleet) -> int:
    processes = fleet.ask("status")["processes"]
    return int(next(each["details"]["images"] for each in processes if each["name"].startswith("quote_server")))


def _resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * PAGE_BYTES


def _bare_bytes(count: int) -> int:
    programs = [
        subprocess.Popen([sys.executable, "-c", BARE], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    try:
        for program in programs:
            assert program.stdout is not None
            program.stdout.readline()
        return sum(_resident_bytes(program.pid) for program in programs)
    finally:
        for program in programs:
            program.communicate(b"")


if __name__ == "__main__":
    main()
