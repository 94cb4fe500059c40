"""The command line itself: help, usage, exit codes, and what is fast."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from services.console.cli import COMMANDS, build_parser, run
from services.console.logs import show
from services.console.paint import Paint
from services.console.picture import count_spawns
from services.console.site import ROOT


def _run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "services.console", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The paper configuration with a var folder of its own."""
    folder = tmp_path / "configs"
    folder.mkdir()
    for path in (ROOT / "configs" / "paper").glob("*.toml"):
        (folder / path.name).write_text(path.read_text())
    fleet = (folder / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(fleet.replace('"var/paper"', f'"{tmp_path}/v"'))
    return folder


def test_every_command_takes_json_and_config() -> None:
    for command in COMMANDS:
        extra = {"kill": ["--reason", "x"], "lp": ["status"]}.get(command, [])
        options = build_parser().parse_args([command, "--json", "--config", "c", *extra])
        assert options.json and options.config == "c"


def test_exit_codes_are_in_every_help() -> None:
    for arguments in (["--help"], ["up", "--help"]):
        done = _run(*arguments)
        assert done.returncode == 0 and "78  configuration" in done.stdout


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["kill"], ["up", "--wait-s", "-1"], ["logs", "-n", "x"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert _run(*arguments).returncode == 2


def test_missing_configuration_is_78(tmp_path: Path) -> None:
    done = _run("status", "--config", str(tmp_path))
    assert done.returncode == 78
    assert done.stderr.count("\n") == 1 and "fleet.toml" in done.stderr


def test_commands_on_a_fleet_that_is_down(config: Path) -> None:
    where = ("--config", str(config))
    assert _run("status", *where).returncode == 69
    assert _run("down", *where).returncode == 0
    assert "not running" in _run("down", *where).stdout
    assert _run("report", *where).returncode == 69
    assert _run("logs", "--no-follow", *where).returncode == 0
    unknown = _run("logs", "-s", "nobody", *where)
    assert unknown.returncode == 2 and "quote_server-binance" in unknown.stderr


def test_kill_and_rearm_work_without_a_fleet(config: Path) -> None:
    where = ("--config", str(config), "--json")
    killed = json.loads(_run("kill", "--reason", "drill", "--operator", "ann", *where).stdout)
    assert killed["ok"] and (config.parent / "v" / "KILL").exists()
    assert json.loads(_run("status", *where).stdout)["kill"]["reason"] == "drill"
    rearmed = json.loads(_run("rearm", *where).stdout)
    assert rearmed["ok"] and "drill" in rearmed["message"]
    assert not (config.parent / "v" / "KILL").exists()
    assert "not engaged" in json.loads(_run("rearm", *where).stdout)["message"]


def test_up_refuses_a_missing_recording(config: Path) -> None:
    done = _run("up", "--flow", "nowhere.gz", "--config", str(config))
    assert done.returncode == 78 and "nowhere.gz" in done.stderr


def test_up_checks_configuration_before_anything_starts(config: Path) -> None:
    (config / "oms.toml").write_text("nonsense = 1\n")
    done = _run("up", "--config", str(config))
    assert done.returncode == 78, done
    assert "nonsense" in done.stderr and "oms.toml" in done.stderr
    assert not (config.parent / "v" / "supervisord.pid").exists()


def test_command_line_needs_no_heavy_packages() -> None:
    code = "import sys, services.console.status, services.console.up; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"web3", "scipy", "numpy", "aiohttp", "pandas", "supervisor"} & set(done.stdout.split())


def test_log_lines_as_text_and_data() -> None:
    line = ("oms", '12:01:02.345Z W oms order.late id=cw-1 text="a \\"b\\""')
    assert show(line, False, Paint(False)) == line[1]
    assert show(line, False, Paint(True)).startswith("\x1b[33m")
    data = json.loads(show(line, True, Paint(False)))
    assert data["event"] == "order.late" and data["level"] == "W" and data["fields"]["id"] == "cw-1"
    assert show(("oms", "Traceback:"), False, Paint(False)) == "oms | Traceback:"
    assert json.loads(show(("oms", "Traceback:"), True, Paint(False))) == {"process": "oms", "text": "Traceback:"}


def test_restarts_are_counted_since_the_present_supervisor(tmp_path: Path) -> None:
    log = tmp_path / "supervisord.log"
    log.write_text(
        "x INFO supervisord started with pid 10\nx INFO spawned: 'oms' with pid 11\nx INFO spawned: 'oms' with pid 12\n"
        "x INFO supervisord started with pid 20\nx INFO spawned: 'oms' with pid 21\nx INFO spawned: 'mm' with pid 22\n"
        "x INFO spawned: 'oms' with pid 23\n"
    )
    assert count_spawns(log, 20) == {"oms": 2, "mm": 1}
    assert count_spawns(tmp_path / "none", 20) == {}


def test_interrupt_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    import services.console.doctor

    def interrupted(_options: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(services.console.doctor, "run", interrupted)
    assert run(["doctor"]) == 130
