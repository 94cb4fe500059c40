"""Checks before a start, against the things that they look for."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from common.model.errors import ConfigInvalid
from common.runtime import Fleet, load_fleet
from common.storage import Latch
from services.console import checks
from services.console.configs import check_configs, config_type
from services.console.proc import fleet_pids, is_alive, name_of, usages
from services.console.site import ROOT, Site

PAPER = ROOT / "configs" / "paper"


def _site(var: Path, **changes: object) -> Site:
    fleet: Fleet = msgspec.structs.replace(load_fleet(PAPER), var_dir=str(var), **changes)
    return Site(PAPER, fleet)


def test_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert not checks.is_port_free("127.0.0.1", port)
        site = _site(tmp_path)
        chain = msgspec.structs.replace(site.fleet.chain, rpc_url=f"http://127.0.0.1:{port}")
        findings = list(checks.check_ports(_site(tmp_path, chain=chain)))
    [bad] = [finding for finding in findings if f"port {port}" in finding.text]
    assert bad.level == "fail" and bad.exit_code == 69 and "paper_chain" in bad.text
    assert checks.is_port_free("127.0.0.1", port)


def test_rest_and_stream_on_one_port_are_checked_once(tmp_path: Path) -> None:
    assert [owner for owner, _ in checks.addresses(_site(tmp_path))] == ["paper_exchange-binance", "paper_chain"]


def test_long_socket_path_is_refused() -> None:
    assert checks.check_socket_paths(_site(Path("/tmp") / ("x" * 90))).level == "fail"
    assert checks.check_socket_paths(_site(Path("/tmp/short"))).level == "ok"


def test_missing_chain_artifacts_are_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    finding = checks.check_chain_artifacts()
    assert finding.level == "fail" and finding.exit_code == 69
    assert "@foundry-rs/anvil" in finding.text and "make setup" in finding.remedy
    for name in ("@foundry-rs/anvil", "@uniswap/v3-core", "@uniswap/v3-periphery", "canonical-weth"):
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "package.json").write_text("{}")
    assert "binary for this machine" in checks.check_chain_artifacts().text


def test_engaged_latch_is_a_warning(tmp_path: Path) -> None:
    site = _site(tmp_path)
    assert checks.check_latch(site).level == "ok"
    Latch(site.latch).engage("drill", "ann", 1)
    finding = checks.check_latch(site)
    assert finding.level == "warn" and "drill" in finding.text


def test_stray_process_is_found_and_named(tmp_path: Path) -> None:
    site = _site(tmp_path)
    assert checks.check_leftovers(site).level == "ok"
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    stray = subprocess.Popen(command, env={**os.environ, "COUNTERWEIGHT_VAR": str(site.var)})
    try:
        assert fleet_pids(site.var) == [stray.pid]
        assert not fleet_pids(tmp_path / "other")
        finding = checks.check_leftovers(site)
        assert finding.level == "fail" and str(stray.pid) in finding.text
        assert "time.sleep" in name_of(stray.pid)
        assert usages([stray.pid, 2**22 + 1]).keys() == {stray.pid}
    finally:
        stray.kill()
        stray.wait()
    assert not is_alive(stray.pid) and not fleet_pids(site.var)


def test_held_role_is_busy(tmp_path: Path) -> None:
    site = _site(tmp_path)
    (site.var / "locks").mkdir()
    with (site.var / "locks" / "oms.lock").open("w+") as lock:
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        finding = checks.check_leftovers(site)
        assert finding.level == "fail" and finding.exit_code == 75 and "oms" in finding.text
    assert checks.check_leftovers(site).level == "ok", "a lock file without a holder is no role"


def test_config_types_are_found_by_name() -> None:
    assert config_type("oms").__name__ == "OmsConfig"
    assert config_type("position_server").__name__ == "PositionServerConfig"
    with pytest.raises(ConfigInvalid, match="a service of this project"):
        config_type("nonsense")


def test_bad_value_names_file_key_expected_and_got(tmp_path: Path) -> None:
    for path in PAPER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text())
    (tmp_path / "oms.toml").write_text('journal_entries_kept = "many"\n')
    with pytest.raises(ConfigInvalid) as caught:
        check_configs(Site(tmp_path, load_fleet(tmp_path)))
    text = str(caught.value)
    assert f"{tmp_path / 'oms.toml'}: journal_entries_kept" in text
    assert "expected int" in text and "'many'" in text
