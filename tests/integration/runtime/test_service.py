"""A service as a real process: it answers, ends in order, crashes loudly, and its role is taken once."""

import asyncio
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from common.bus import Bus
from common.messages import (
    EngageKill,
    HealthReported,
    KillStateChanged,
    QueryHealth,
    RearmTrading,
    Rejected,
    SubmitOrder,
)
from common.model.errors import OutcomeUnknown
from common.model.order import Side
from common.runtime import load_fleet
from tests.conftest import PROJECT


@pytest.fixture
def configs(tmp_path: Path) -> Path:
    folder = tmp_path / "c"
    folder.mkdir()
    text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(text.replace('var_dir = "var/paper"', f'var_dir = "{tmp_path}/v"'))
    (folder / "oms.toml").write_text("")
    return folder


@contextmanager
def toy(configs: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.runtime.toy", str(configs)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(configs: Path, work: Callable[[Bus], Coroutine[Any, Any, None]]) -> None:
    async def asking() -> None:
        bus = Bus("console", time.time_ns(), load_fleet(configs).endpoints(), time.time_ns)
        try:
            await work(bus)
        finally:
            bus.close()

    asyncio.run(asking())


def test_it_answers_and_ends_in_order_on_sigterm(configs: Path) -> None:
    async def work(bus: Bus) -> None:
        health = await bus.request("oms", QueryHealth(), 10)
        assert isinstance(health, HealthReported) and (health.pid, health.state) == (process.pid, "running")
        kill = await bus.request("oms", EngageKill(reason="test", operator="me"), 2)
        assert isinstance(kill, KillStateChanged) and kill.operator == "hello"
        order = SubmitOrder(
            client_order_id="a", strategy="s", venue="v", symbol="x", side=Side.BUY, price_ticks=1, quantity_lots=1,
            expires_at_ns=0,
        )  # fmt: skip
        refused = await bus.request("oms", order, 2)
        assert isinstance(refused, Rejected) and refused.code == "not_served"

    with toy(configs) as process:
        ask(configs, work)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0
        assert "stopped in order" in err and "service.stopped" in out


def test_a_broken_invariant_ends_the_process_with_a_clear_line(configs: Path) -> None:
    async def work(bus: Bus) -> None:
        with pytest.raises(OutcomeUnknown):
            await bus.request("oms", RearmTrading(operator="me"), 3)

    with toy(configs) as process:
        ask(configs, work)
        out, _ = process.communicate(timeout=10)
        assert process.returncode == 1
        assert 'service.crashed error=InvariantBroken detail="asked to"' in out


def test_a_role_is_taken_once_and_free_after_kill_9(configs: Path) -> None:
    async def wait(bus: Bus) -> None:
        await bus.request("oms", QueryHealth(), 10)

    with toy(configs) as first:
        ask(configs, wait)
        with toy(configs) as second:
            _, err = second.communicate(timeout=10)
            assert second.returncode == 75 and f"pid {first.pid}" in err
    with toy(configs) as third:
        ask(configs, wait)
        assert third.poll() is None


@pytest.mark.parametrize("text", ["greeting = 5\n", "nonsense = true\n", "greeting = "])
def test_bad_configuration_exits_78_before_anything_is_made(configs: Path, text: str) -> None:
    (configs / "oms.toml").write_text(text)
    with toy(configs) as process:
        _, err = process.communicate(timeout=10)
    assert process.returncode == 78
    assert "oms.toml" in err and "expected" in err and "Traceback" not in err
    assert not (configs.parent / "v").exists()
    shutil.rmtree(configs)
