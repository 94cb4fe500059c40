"""A paper fleet of its own for tests: own folder, own ports, driven only by the console, as an operator would."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.exchange.record import OrderRecord
from common.model.ids import CLIENT_ORDER_ID_PREFIX
from services.console.journals import replay_venue
from services.console.proc import fleet_pids

PROJECT = Path(__file__).resolve().parents[2]
COMMAND_TIMEOUT_S = 120


class PaperFleet:
    """A copy of configs/paper in a short temporary folder; `remove` takes it down and away."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cw", dir="/tmp"))
        self.config, self.var = self.folder / "c", self.folder / "v"
        shutil.copytree(PROJECT / "configs" / "paper", self.config)
        self.venue_port, self.chain_port = free_ports(2)
        text = (self.config / "fleet.toml").read_text()
        for old, new in (("var/paper", self.var), ("18080", self.venue_port), ("18545", self.chain_port)):
            assert old in text
            text = text.replace(old, str(new))
        (self.config / "fleet.toml").write_text(text)

    def run(self, command: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One console command, to its end."""
        return subprocess.run(
            self.line(command, *arguments), cwd=PROJECT, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S,
            check=False,
        )  # fmt: skip

    def line(self, command: str, *arguments: str) -> list[str]:
        """Its command line."""
        return [sys.executable, "-m", "services.console", command, "--config", str(self.config), *arguments]

    def ask(self, command: str, *arguments: str) -> dict[str, Any]:
        """One console command's JSON."""
        done = self.run(command, "--json", *arguments)
        assert done.stdout, f"{command}: exit {done.returncode}: {done.stderr}"
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def up(self, *arguments: str) -> None:
        """Start it; fails the test with the console's words when it does not come up."""
        done = self.run("up", *arguments)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.last_words()}"

    def pids(self) -> dict[str, int]:
        """Process ids by process."""
        return {each["name"]: each["pid"] for each in self.ask("status")["processes"]}

    def is_trading(self) -> bool:
        """Every process beats and net exposure is complete."""
        status = self.ask("status")
        return bool(status["healthy"] and status["exposure"] and status["exposure"]["complete"])

    def strays(self) -> list[int]:
        """What lives of it."""
        return fleet_pids(self.var)

    def venue_orders(self) -> list[OrderRecord]:
        """Our orders as the paper venue itself has them: the truth that everything else is held against."""
        exchange = replay_venue(self.var / "paper_exchange-binance.db")
        orders = [] if exchange is None else exchange.ledger.orders.values()
        return [order for order in orders if order.client_order_id.startswith(CLIENT_ORDER_ID_PREFIX)]

    def last_words(self, lines: int = 40) -> str:
        """The end of all logs, for a failed test."""
        return self.run("logs", "--no-follow", "-n", str(lines)).stdout

    def remove(self) -> None:
        """Down, and away with the folder."""
        self.run("down")
        shutil.rmtree(self.folder, ignore_errors=True)


def resting_orders(orders: list[OrderRecord]) -> set[str]:
    """Client order ids of those that rest."""
    return {order.client_order_id for order in orders if order.is_open}


def placed_ids(orders: list[OrderRecord]) -> list[str]:
    """Client order ids in the order in which the venue accepted them."""
    return [order.client_order_id for order in orders]


def wait_for(condition: Callable[[], bool], timeout_s: float, what: str, fleet: PaperFleet) -> float:
    """Seconds until the condition held; fails with the fleet's last words when it does not in time."""
    began_s = time.monotonic()
    while not condition():
        waited_s = time.monotonic() - began_s
        assert waited_s < timeout_s, f"{what}: not within {timeout_s} s\n{fleet.last_words()}"
        time.sleep(0.1)
    return time.monotonic() - began_s


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def has_artifacts() -> bool:
    """True when `make setup` has installed the chain's node and contracts."""
    return (PROJECT / "node_modules" / "@foundry-rs").is_dir() and os.access(PROJECT / "node_modules", os.R_OK)
