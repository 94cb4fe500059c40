"""The real paper_chain process with a quote server that the test plays."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from common.bus import Bus
from common.chain.node import Node
from common.chain.pool import slot0
from common.messages import BookImage, FeedStatusChanged, HealthReported, QueryHealth
from common.model.errors import OutcomeUnknown, PeerUnavailable
from common.runtime import Fleet, load_fleet
from common.runtime.supervision import die_with_parent
from tests.conftest import PROJECT

SOURCE = "quote_server-binance"


def write_configs(folder: Path) -> Path:
    """A fleet of its own: another var folder, another port, a noise trader in a hurry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    text = (PROJECT / "configs/paper/fleet.toml").read_text()
    text = text.replace('var_dir = "var/paper"', f'var_dir = "{folder}/v"')
    text = text.replace("127.0.0.1:18545", f"127.0.0.1:{port}")
    (folder / "fleet.toml").write_text(text)
    text = (PROJECT / "configs/paper/paper_chain.toml").read_text()
    text = text.replace("swaps_per_minute = 12.0", "swaps_per_minute = 240.0").replace(
        "book_age_s_max = 2.0", "book_age_s_max = 0.5"
    )
    text = text.replace("round_interval_s = 0.25", "round_interval_s = 0.05")
    (folder / "paper_chain.toml").write_text(text)
    return folder


class PaperWorld:
    """Made inside an event loop. The book stands at `mid` until it is moved; None = the quote server is silent."""

    def __init__(self, configs: Path, mid: float | None = 2500.0) -> None:
        self.configs, self.mid = configs, mid
        self.fleet: Fleet = load_fleet(configs)
        self.node = Node(self.fleet.chain.rpc_url, read_attempts=1)
        self.bus = Bus(SOURCE, time.time_ns(), self.fleet.endpoints(), time.time_ns)
        self.publisher = self.bus.bind()
        self.publisher.state = "running"
        self.log = configs / "paper_chain.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._feeding = asyncio.create_task(self._feed())

    async def close(self) -> None:
        """End everything that this world started."""
        self._feeding.cancel()
        if self.process and self.process.poll() is None:
            self.process.terminate()
            await asyncio.to_thread(self.process.wait, 15)
        await self.node.close()
        self.bus.close()

    def start(self) -> None:
        """Run the process; its log is appended to `log`."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.paper_chain", str(self.configs)],
                cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT, env={**os.environ, "PYTHONUNBUFFERED": "1"},
                preexec_fn=die_with_parent,  # an interrupted test run leaves nothing behind
            )  # fmt: skip

    async def end(self, number: signal.Signals) -> int:
        """Signal the process and wait for its end; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, 15)

    def anvil_pid(self) -> int:
        """The node's process."""
        return int((self.fleet.var_path / "chain/anvil.pid").read_text())

    async def health(self) -> HealthReported | None:
        """What the process says of itself, or None while it does not answer."""
        try:
            reply = await self.bus.request("paper_chain", QueryHealth(), timeout_s=1.0)
        except (PeerUnavailable, OutcomeUnknown):
            return None
        assert isinstance(reply, HealthReported)
        return reply

    async def until(self, timeout_s: float = 10.0, **wanted: object) -> HealthReported:
        """Wait until details have these values; a number means "at least"."""
        deadline = time.monotonic() + timeout_s
        report = None
        while time.monotonic() < deadline:
            report = await self.health()
            if report and all(_meets(report.details[key], value) for key, value in wanted.items()):
                return report
            await asyncio.sleep(0.03)
        raise AssertionError(f"{wanted} not reached, last {report}:\n{self.log.read_text()[-3000:]}")

    async def price(self) -> int:
        """The pool's square root price."""
        return (await self.node.read(slot0(self.fleet.chain.contracts.pool))).sqrt_price_x96

    async def _feed(self) -> None:
        update = 0
        while True:
            if self.mid is not None:
                update, now_ns, mid = update + 1, time.time_ns(), round(self.mid * 100)
                image = BookImage(
                    venue="binance", symbol="ETH-USDT", update_id=update, event_time_ns=now_ns, received_ns=now_ns,
                    bids=[(mid - 1, 10_000)], asks=[(mid + 1, 10_000)],
                )  # fmt: skip
                self.bus.publish("book.binance.ETH-USDT", image)
                report = FeedStatusChanged(
                    venue="binance", symbol="ETH-USDT", state="live", reason="", clock_offset_ns=0, gaps=0, resyncs=0,
                    event_time_ns=now_ns, received_ns=now_ns,
                )  # fmt: skip
                self.bus.publish("feed.binance.ETH-USDT", report)
                self.publisher.beat()
            await asyncio.sleep(0.05)


def _meets(value: object, wanted: object) -> bool:
    if isinstance(wanted, int | float) and isinstance(value, int | float):
        return value >= wanted
    return value == wanted
