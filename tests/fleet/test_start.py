"""Starts that must not succeed, starts that are interrupted, and a supervisor that dies."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from services.console.supervisor import Supervisor
from tests.fleet.fleet import PROJECT, PaperFleet, wait_for

pytestmark = pytest.mark.timeout(300)


def test_bad_configuration_starts_nothing(fleet: PaperFleet) -> None:
    path = fleet.config / "market_maker.toml"
    path.write_text(path.read_text() + "\nnonsense = 1\n")
    done = fleet.run("up")
    assert done.returncode == 78
    assert "market_maker.toml" in done.stderr and "nonsense" in done.stderr
    assert not fleet.strays() and not (fleet.var / "supervisord.pid").exists()


def test_port_in_use_is_one_clear_sentence(fleet: PaperFleet) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", fleet.chain_port))
        other.listen()
        done = fleet.run("up")
    assert done.returncode == 69
    assert f"port {fleet.chain_port} is in use" in done.stderr and len(done.stderr.splitlines()) == 1
    assert not fleet.strays()


def test_interrupted_up_cleans_up(fleet: PaperFleet) -> None:
    process = subprocess.Popen(
        fleet.line("up"), cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    wait_for(lambda: (fleet.var / "logs" / "oms.log").exists(), 30, "first process", fleet)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert not fleet.strays()


def test_configuration_that_turns_bad_is_not_retried(fleet: PaperFleet) -> None:
    fleet.up()
    path = fleet.config / "position_server.toml"
    good = path.read_text()
    path.write_text(good + "\nnonsense = 1\n")
    before = fleet.pids()
    os.kill(before["position_server"], signal.SIGKILL)
    wait_for(lambda: _state(fleet, "position_server") == "EXITED", 10, "exit with 78", fleet)
    time.sleep(3)
    assert _state(fleet, "position_server") == "EXITED", "supervisord must not retry a final exit code"
    assert fleet.run("status").returncode == 1
    assert {name for name, pid in fleet.pids().items() if pid != before[name]} == {"position_server"}
    path.write_text(good)
    Supervisor(fleet.var / "supervisor.sock").start("position_server")
    wait_for(fleet.is_trading, 10, "trading again", fleet)


def _state(fleet: PaperFleet, process: str) -> str:
    return {each["name"]: str(each["state"]) for each in fleet.ask("status")["processes"]}[process]


def test_death_of_the_supervisor_takes_all_along(fleet: PaperFleet) -> None:
    fleet.up()
    supervisor = int((fleet.var / "supervisord.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not fleet.strays(), 10, "orphans end with their supervisor", fleet)
    assert fleet.ask("down")["ok"]
    fleet.up()
    assert fleet.is_trading()
    assert fleet.ask("down")["ok"]


def test_nothing_is_written_outside_var(fleet: PaperFleet) -> None:
    home = Path(fleet.folder / "home")
    home.mkdir()
    done = subprocess.run(
        fleet.line("up"),
        cwd=PROJECT,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert fleet.ask("down")["ok"]
    assert not list(home.iterdir())
