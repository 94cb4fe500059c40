"""What the kernel says about processes: memory, time, and which ones belong to a fleet (Linux; elsewhere empty)."""

import os
from pathlib import Path

import msgspec

PROC = Path("/proc")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Use of a process and its descendants. `cpu_percent` is of one core, averaged over the process's life."""

    rss_bytes: int
    cpu_s: float
    cpu_percent: float
    uptime_s: float


def is_alive(pid: int) -> bool:
    """True unless the process is gone; one that only waits to be collected by its parent counts as gone."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _stat(pid)[:1] != ["Z"]


def usages(pids: list[int]) -> dict[int, Usage]:
    """Use of each process and everything it started; those that are gone are left out."""
    stats = {pid: stat for pid in _pids() if (stat := _stat(pid))}
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(int(stat[1]), []).append(pid)
    now_s = _system_uptime_s() if stats else 0.0
    return {pid: _usage(_family(pid, children), stats, now_s) for pid in pids if pid in stats}


def fleet_pids(var: Path) -> list[int]:
    """Processes that were started for the fleet of this var folder: they inherited its COUNTERWEIGHT_VAR."""
    mark = f"COUNTERWEIGHT_VAR={var}".encode()
    own = {os.getpid(), os.getppid()}
    return [pid for pid in _pids() if pid not in own and mark in _environment(pid) and is_alive(pid)]


def name_of(pid: int) -> str:
    """Its command line, shortened, or its pid when it is gone."""
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        words = []
    return b" ".join(words).decode(errors="replace").strip()[:80] or f"pid {pid}"


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()] if PROC.is_dir() else []


def _environment(pid: int) -> list[bytes]:
    try:
        return (PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _family(pid: int, children: dict[int, list[int]]) -> list[int]:
    return [pid, *(each for child in children.get(pid, []) for each in _family(child, children))]


def _usage(family: list[int], stats: dict[int, list[str]], now_s: float) -> Usage:
    own = stats[family[0]]
    uptime_s = max(now_s - int(own[19]) / _TICKS_PER_S, 0.01)
    cpu_s = sum(int(stats[pid][11]) + int(stats[pid][12]) for pid in family) / _TICKS_PER_S
    rss_bytes = sum(int(stats[pid][21]) for pid in family) * _PAGE_BYTES
    return Usage(rss_bytes=rss_bytes, cpu_s=cpu_s, cpu_percent=100 * cpu_s / uptime_s, uptime_s=uptime_s)


def _stat(pid: int) -> list[str]:
    # Fields after the name, which may itself hold blanks and brackets: see proc(5), numbered there from 3.
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _system_uptime_s() -> float:
    return float((PROC / "uptime").read_text().split()[0])
