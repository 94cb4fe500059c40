"""One fleet, told three times: fleet.toml, Procfile and supervisord.conf name the same processes in the same way."""

import configparser
import re
from pathlib import Path

import pytest

from common.runtime import Fleet, load_fleet
from services.console.configs import check_configs, config_type
from services.console.site import Site
from tests.house.source import PROJECT

PAPER = PROJECT / "configs" / "paper"
PROGRAM = "program:"


def _fleet() -> Fleet:
    return load_fleet(PAPER)


def _procfile() -> dict[str, str]:
    lines = (PROJECT / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines if line.strip())


def _programs() -> dict[str, dict[str, str]]:
    parser = configparser.RawConfigParser(inline_comment_prefixes=None)
    parser.read(PROJECT / "deploy" / "supervisord.conf")
    return {name.removeprefix(PROGRAM): dict(parser[name]) for name in parser.sections() if name.startswith(PROGRAM)}


def _command(process: str, config: str) -> str:
    service, _, venue = process.partition("-")
    return f"python -m services.{service} {config}" + (f" --venue {venue}" if venue else "")


def test_procfile_names_the_fleet() -> None:
    assert _procfile() == {process: _command(process, "configs/paper") for process in _fleet().processes}


def test_supervisord_names_the_fleet() -> None:
    commands = {name: program["command"] for name, program in _programs().items()}
    assert commands == {process: _command(process, '"%(ENV_COUNTERWEIGHT_CONFIG)s"') for process in _fleet().processes}


def test_supervisord_treats_all_programs_alike() -> None:
    for name, program in _programs().items():
        assert program["startsecs"] == "1", name
        assert int(program["startretries"]) >= 1000, f"{name}: a peer may be away for long"
        assert program["autorestart"] == "unexpected" and program["exitcodes"] == "0,75,78", name
        assert program["stopsignal"] == "TERM" and int(program["stopwaitsecs"]) >= 10, name
        assert program["stdout_logfile"].endswith(f"/logs/{name}.log"), name
        assert program["redirect_stderr"] == "true" and int(program["stdout_logfile_backups"]) > 0, name


def test_market_maker_stops_before_whatever_it_needs() -> None:
    priority = {name: int(program["priority"]) for name, program in _programs().items()}
    assert len(set(priority.values())) == len(priority)
    order = sorted(priority, key=priority.__getitem__)
    assert order[-1] == "market_maker"
    venue, handler, oms = (order.index(name) for name in ("paper_exchange-binance", "execution_handler-binance", "oms"))
    assert venue < handler < oms, "orders must outlive nobody who can cancel them"


def test_supervisord_listens_on_a_private_socket_only() -> None:
    text = (PROJECT / "deploy" / "supervisord.conf").read_text()
    assert "inet_http_server" not in text
    assert re.search(r"^chmod=0700$", text, re.MULTILINE)
    assert "[group:" not in text, "a change to one program of a group restarts all of it"


@pytest.mark.parametrize("process", sorted(load_fleet(PAPER).processes))
def test_process_has_its_files(process: str) -> None:
    folder = PROJECT / "services" / process.partition("-")[0]
    for name in ("__main__.py", "service.py", "config.py"):
        assert (folder / name).is_file(), f"{folder.relative_to(PROJECT)} has no {name}"
    assert (PAPER / f"{process}.toml").is_file()


@pytest.mark.parametrize("service", sorted({each.partition("-")[0] for each in load_fleet(PAPER).processes}))
def test_console_checks_the_struct_that_the_service_runs_with(service: str) -> None:
    main = (PROJECT / "services" / service / "__main__.py").read_text()
    assert f", {config_type(service).__name__})" in main


def test_paper_configuration_loads() -> None:
    assert check_configs(Site(PAPER, _fleet())) == len(_fleet().processes)


def test_no_configuration_without_a_process() -> None:
    known = {f"{process}.toml" for process in _fleet().processes} | {"fleet.toml"}
    assert {path.name for path in PAPER.glob("*.toml")} == known


def test_no_service_without_a_process() -> None:
    folders = {path.parent.name for path in Path(PROJECT, "services").glob("*/service.py")}
    assert folders == {process.partition("-")[0] for process in _fleet().processes}
