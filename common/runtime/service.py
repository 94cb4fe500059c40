"""The life of a process: recover, run, answer, beat, stop. Services fill it with handlers."""

import asyncio
import gc
import inspect
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, Generic, TypeVar

from common.bus import Bus
from common.messages import (
    Header,
    HealthReported,
    Message,
    QueryHealth,
    QuerySnapshot,
    SnapshotReported,
    encode,
)
from common.model.errors import MessageInvalid, RequestRefused
from common.model.ids import process_name
from common.runtime.clock import Clock
from common.runtime.fleet import Fleet
from common.runtime.logging import Log
from common.storage import Journal
from common.storage.journal import Durability

HEARTBEAT_INTERVAL_S = 1.0

C = TypeVar("C")
Detail = str | int | float | bool
Handler = Callable[[Any, Header], Message | Awaitable[Message]]


class Service(Generic[C]):
    """Base of every process. Subclasses override `start`, `stop`, `snapshot` and `details`, register request
    handlers in `on_request`, and keep their decisions in pure modules of `common`.
    """

    service_name = ""

    def __init__(
        self, config: C, fleet: Fleet, venue: str = "", log: Log | None = None, clock: Clock | None = None
    ) -> None:
        self.config, self.fleet, self.venue = config, fleet, venue
        self.name = process_name(self.service_name or type(self).__module__.split(".")[-2], venue)
        self.log = log or Log(self.name)
        self.clock = clock or Clock()
        self.boot_ns = self.clock.now_ns()
        self.counters: Counter[str] = Counter()
        self.on_request: dict[type[Message], Handler] = {
            QueryHealth: self._report_health,
            QuerySnapshot: self._report_snapshot,
        }
        self._started_s = time.monotonic()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._journals: list[Journal] = []
        self._misread: set[str] = set()

    async def start(self) -> None:
        """Recover, acquire resources, register handlers. Requests are served only after it returns."""

    async def stop(self) -> None:
        """Release resources."""

    def snapshot(self) -> list[Message]:
        """The present facts, for late joiners and screens."""
        return []

    def details(self) -> dict[str, Detail]:
        """The few figures that an operator wants on one line."""
        return {}

    def path(self, name: str) -> Path:
        """A file of this fleet's var folder."""
        self.fleet.var_path.mkdir(parents=True, exist_ok=True)
        return self.fleet.var_path / name

    def open_journal(self, name: str, durability: Durability = "full") -> Journal:
        """The journal `<name>.db`; closed when the service stops."""
        journal = Journal(self.path(f"{name}.db"), durability, self.clock.now_ns)
        self._journals.append(journal)
        return journal

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Run in the background. An exception in it ends the process; a supervisor starts it again."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._reap)
        return task

    def every(self, interval_s: float, work: Callable[[], Any]) -> None:
        """Call (and await, if it is async) each interval, from now on; skips beats that it is too late for."""
        self.spawn(self._repeat(interval_s, work))

    async def run(self) -> None:
        """From recovery to the last socket; returns after SIGTERM, SIGINT or `shut_down`, raises what crashed."""
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = loop.create_future()
        loop.set_exception_handler(self._on_loop_exception)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.shut_down)
        self.bus = Bus(
            self.name, self.boot_ns, self.fleet.endpoints(), self.clock.now_ns, self.counters, self._on_malformed
        )
        self._publisher = self.bus.bind()
        self.log.info("service.starting", pid=os.getpid(), boot_ns=self.boot_ns)
        self.every(HEARTBEAT_INTERVAL_S, self._publisher.beat)
        try:
            await self._until_ended(self.start())
            if not self._ended.done():
                self._begin()
                await self._ended
            self._ended.result()
        finally:
            await self._end()

    def shut_down(self) -> None:
        """End the process in order."""
        if not self._ended.done():
            self._ended.set_result(None)

    def _begin(self) -> None:
        self._publisher.state = "running"
        self.bus.serve(self._answer)
        self._publisher.beat()
        # What start-up made lives for ever: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        self.log.info("service.running", startup_ms=round((time.monotonic() - self._started_s) * 1000))

    async def _end(self) -> None:
        self._publisher.state = "stopping"
        self._publisher.beat()
        try:
            await self.stop()
        finally:
            for task in self._tasks:
                task.remove_done_callback(self._reap)
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            # The bus first: closing it ends open requests as unknown, and their handlers may still want to journal.
            self.bus.close()
            for journal in self._journals:
                journal.close()
            self.log.info("service.stopped", uptime_s=round(time.monotonic() - self._started_s, 1))

    async def _until_ended(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        await asyncio.wait((task, self._ended), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return
        task.result()

    async def _repeat(self, interval_s: float, work: Callable[[], Any]) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            result = work()
            if inspect.isawaitable(result):
                await result
            due = max(due + interval_s, loop.time())
            await asyncio.sleep(due - loop.time())

    def _reap(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _on_loop_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            self._fail(error)
        else:
            self.log.warning("loop.trouble", detail=str(context.get("message", "")))

    def _fail(self, error: BaseException) -> None:
        self.log.error("service.failed", error=type(error).__name__, detail=str(error))
        if not self._ended.done():
            self._ended.set_exception(error)

    def _on_malformed(self, source: str, error: MessageInvalid) -> None:
        if source not in self._misread:
            self._misread.add(source)
            self.log.warning("bus.malformed", source=source, detail=str(error))

    def _answer(self, request: Message, header: Header) -> Message | Awaitable[Message]:
        handler = self.on_request.get(type(request))
        if handler is None:
            raise RequestRefused("not_served", f"{self.name} does not serve {type(request).__name__}")
        self.counters[type(request).__name__] += 1
        return handler(request, header)

    def _report_health(self, _request: QueryHealth, _header: Header) -> HealthReported:
        return HealthReported(
            process=self.name, pid=os.getpid(), state=self._publisher.state,
            uptime_s=time.monotonic() - self._started_s, boot_ns=self.boot_ns,
            counters=dict(self.counters), details=self.details(),
        )  # fmt: skip

    def _report_snapshot(self, _request: QuerySnapshot, _header: Header) -> SnapshotReported:
        return SnapshotReported(
            process=self.name, boot_ns=self.boot_ns, last_sequences=self._publisher.last_sequences,
            facts=[encode(fact) for fact in self.snapshot()],
        )  # fmt: skip
