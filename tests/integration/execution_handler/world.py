"""The real execution handler on the real bus, between a problem venue and an oms played by the test."""

import asyncio
import io
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path

import msgspec

from common.bus import Bus
from common.messages import ExecutionReported, Header, HealthReported, Message, QueryHealth, SubmitOrder
from common.model.order import Side
from common.runtime import Fleet, Log, load_fleet
from services.execution_handler.config import ExecutionHandlerConfig
from services.execution_handler.service import ExecutionHandlerService
from tests.conftest import PROJECT, until
from tests.integration.execution_handler.problem_venue import KEY, SECRET, ProblemVenue

HANDLER, VENUE, SYMBOL = "execution_handler-binance", "binance", "ETH-USDT"
FAST = ExecutionHandlerConfig(
    recv_window_ms=400, request_timeout_s=0.3, lost_grace_ms=100, resolve_first_s=0.02, resolve_cap_s=0.1,
    oms_silence_s_max=0.5, reconnect_first_s=0.02, reconnect_cap_s=0.1, reconcile_interval_s=60.0,
)  # fmt: skip


class World:
    """Starts everything on free addresses; `reports` collects what the handler published."""

    def __init__(self, config: ExecutionHandlerConfig = FAST) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cw"))
        self.venue = ProblemVenue()
        self.config = config
        self.reports: list[ExecutionReported] = []
        self.output = io.StringIO()
        self._numbers = count(1)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Venue, credentials, oms, handler; returns when orders would be taken."""
        await self.venue.start()
        self.fleet = self._fleet()
        keys = Path(self.fleet.venues[VENUE].credentials_file)
        keys.parent.mkdir(parents=True)
        keys.write_text(f'key = "{KEY}"\nsecret = "{SECRET}"\n')
        keys.chmod(0o600)
        self.oms = Bus("oms", time.time_ns(), self.fleet.endpoints(), time.time_ns)
        publisher = self.oms.bind()
        publisher.state = "running"

        self._publisher = publisher
        self.beating = asyncio.ensure_future(self.beat())
        self.oms.follow(HANDLER, ["execution."], self._on_report, self._on_joined)
        await self.start_handler()

    async def beat(self) -> None:
        """The oms's heartbeats."""
        while True:
            self._publisher.beat()
            await asyncio.sleep(0.05)

    async def start_handler(self) -> None:
        """A new life of the handler."""
        self.output, self._is_joined = io.StringIO(), False
        log = Log(HANDLER, stream=self.output)
        self.service = ExecutionHandlerService(self.config, self.fleet, VENUE, log)
        self.running = asyncio.ensure_future(self.service.run())
        await until(lambda: self.running.done() or "user_stream.live" in self.output.getvalue(), 15.0)
        # What is published before the reader has joined comes in its snapshot, which the stories do not look at.
        await until(lambda: self._is_joined)
        await until(lambda: self.service.details()["ready"] and self.service._user_stream.is_live)
        await until(lambda: not self.service._is_reconciliation_wanted and self.service._reconciling.done())

    async def stop(self) -> None:
        """An orderly end."""
        if not self.running.done():
            self.service.shut_down()
        await self.running
        self.service.log.close()
        self.beating.cancel()
        self.oms.close()
        await self.venue.stop()
        shutil.rmtree(self.folder)

    def order(self, **changes: object) -> SubmitOrder:
        """A passive buy of 1 ETH that no other test step has."""
        order = SubmitOrder(
            client_order_id=f"cw-mm-t-{next(self._numbers)}", strategy="mm", venue=VENUE, symbol=SYMBOL, side=Side.BUY,
            price_ticks=250_000, quantity_lots=10_000, expires_at_ns=time.time_ns() + 5_000_000_000,
            trigger_received_ns=time.time_ns(),
        )  # fmt: skip
        return msgspec.structs.replace(order, **changes)

    async def ask(self, message: Message, timeout_s: float = 3.0) -> Message:
        """One request of the oms."""
        return await self.oms.request(HANDLER, message, timeout_s)

    async def health(self) -> HealthReported:
        """The handler's figures."""
        answer = await self.ask(QueryHealth())
        assert isinstance(answer, HealthReported)
        return answer

    def told(self, client_order_id: str) -> list[ExecutionReported]:
        """Reports on one order, in order."""
        return [report for report in self.reports if report.client_order_id == client_order_id]

    def _on_joined(self, _facts: list[Message]) -> None:
        self._is_joined = True

    def _on_report(self, message: Message, _header: Header) -> None:
        assert isinstance(message, ExecutionReported)
        self.reports.append(message)

    def _fleet(self) -> Fleet:
        text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
        text = text.replace('var_dir = "var/paper"', f'var_dir = "{self.folder}/v"')
        text = text.replace("127.0.0.1:18080", f"127.0.0.1:{self.venue.port}")
        (self.folder / "fleet.toml").write_text(text)
        return load_fleet(self.folder)


def play(story: Callable[[World], Awaitable[None]], config: ExecutionHandlerConfig = FAST) -> None:
    """Run one story from a cold start to an orderly end."""

    async def run() -> None:
        world = World(config)
        await world.start()
        try:
            await story(world)
        except BaseException:
            print(world.output.getvalue())
            raise
        finally:
            await world.stop()

    asyncio.run(run())
