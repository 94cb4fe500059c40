"""One moment of the whole fleet as data: what `status` draws and `status --json` prints."""

import re
import time
from pathlib import Path

import msgspec

from common.messages import (
    BookImage,
    FeedStatusChanged,
    HealthReported,
    KillStateChanged,
    LpInventoryChanged,
    Message,
    NetExposureChanged,
    PositionChanged,
    ProfitReported,
    QueryHealth,
    QuerySnapshot,
    QuotesUpdated,
)
from common.model.instrument import Instrument
from common.storage import Latch
from services.console.facts import facts_of, pick
from services.console.proc import Usage, usages
from services.console.questions import Answer, Survey, survey
from services.console.site import RunRecord, Site
from services.console.supervisor import ProcessState, Supervisor, SupervisorUnavailable

_SPAWNED = re.compile(r"spawned: '([^']+)' with pid \d+")
_STARTED = "supervisord started with pid "
SUPERVISOR_LOG_BYTES_READ = 4_000_000


class ProcessPicture(msgspec.Struct, frozen=True, kw_only=True):
    """One process. `heartbeat_age_s` is None while it is silent; use is None while it does not run."""

    name: str
    state: str
    health: str
    pid: int
    uptime_s: float
    heartbeat_age_s: float | None
    restarts: int
    rss_bytes: int | None
    cpu_percent: float | None
    details: dict[str, str | int | float | bool]


class Picture(msgspec.Struct, frozen=True, kw_only=True):
    """`facts` that nobody reports (their process is away) are empty or None."""

    fleet: str
    config: str
    run: RunRecord | None
    taken_ns: int
    supervised: bool
    processes: list[ProcessPicture]
    instruments: list[Instrument]
    books: list[BookImage]
    feeds: list[FeedStatusChanged]
    lp: LpInventoryChanged | None
    quotes: list[QuotesUpdated]
    positions: list[PositionChanged]
    exposure: NetExposureChanged | None
    profit: ProfitReported | None
    kill: KillStateChanged

    @property
    def healthy(self) -> bool:
        """True when every process runs and beats, and the LP is not halted."""
        halted = self.lp is not None and self.lp.state == "halted"
        return (
            self.supervised
            and not halted
            and all(
                each.state == "RUNNING" and each.health == "running" and each.heartbeat_age_s is not None
                for each in self.processes
            )
        )


def take_picture(site: Site) -> Picture:
    """Ask everybody at once; takes a second at most, whoever is silent."""
    supervisor = Supervisor(site.socket)
    try:
        states = supervisor.processes()
        supervisor_pid = supervisor.pid()
    except SupervisorUnavailable:
        states, supervisor_pid = {}, 0
    names = list(site.fleet.processes)
    questions: list[tuple[str, Message]] = [(name, QueryHealth()) for name in names]
    questions += [(name, QuerySnapshot()) for name in names]
    # Without supervisord nobody should answer; a short wait finds out whether somebody does all the same.
    found = survey(site, questions, timeout_s=1.0 if states else 0.2)
    facts = facts_of(found.answers[len(names) :])
    return Picture(
        fleet=site.fleet.name, config=str(site.config), run=site.read_run(), taken_ns=time.time_ns(),
        supervised=bool(states), processes=_processes(site, states, supervisor_pid, found),
        instruments=site.fleet.instruments, books=pick(facts, BookImage), feeds=pick(facts, FeedStatusChanged),
        lp=next(iter(pick(facts, LpInventoryChanged)), None), quotes=pick(facts, QuotesUpdated),
        positions=pick(facts, PositionChanged), exposure=next(iter(pick(facts, NetExposureChanged)), None),
        profit=next(iter(pick(facts, ProfitReported)), None), kill=Latch(site.latch).state(),
    )  # fmt: skip


def _processes(
    site: Site, states: dict[str, ProcessState], supervisor_pid: int, found: Survey
) -> list[ProcessPicture]:  # fmt: skip
    spawns = count_spawns(site.logs / "supervisord.log", supervisor_pid)
    used = usages([state.pid for state in states.values() if state.pid])
    return [
        _process(name, states.get(name), found.answers[place], found.heartbeat_age_s[name], spawns.get(name, 0), used)
        for place, name in enumerate(site.fleet.processes)
    ]


def _process(
    name: str, state: ProcessState | None, answer: Answer, age_s: float | None, spawns: int, used: dict[int, Usage]
) -> ProcessPicture:
    health = answer if isinstance(answer, HealthReported) else None
    pid = state.pid if state else health.pid if health else 0
    use = used.get(pid)
    return ProcessPicture(
        name=name, state=state.state if state else "UNSUPERVISED" if health else "DOWN",
        health=health.state if health else "silent", pid=pid,
        uptime_s=use.uptime_s if use else health.uptime_s if health else 0.0,
        heartbeat_age_s=age_s, restarts=max(spawns - 1, 0), rss_bytes=use.rss_bytes if use else None,
        cpu_percent=use.cpu_percent if use else None, details=health.details if health else {},
    )  # fmt: skip


def count_spawns(log: Path, supervisor_pid: int) -> dict[str, int]:
    """How often the present supervisord started each process: it writes that down but does not count it."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, 2) - SUPERVISOR_LOG_BYTES_READ, 0))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return {}
    _, _, text = text.rpartition(f"{_STARTED}{supervisor_pid}\n")
    counts: dict[str, int] = {}
    for name in _SPAWNED.findall(text):
        counts[name] = counts.get(name, 0) + 1
    return counts
