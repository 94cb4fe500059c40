"""The benchmarks still run: one that broke is found here, not by whoever wants a figure. No times are judged."""

import json
from pathlib import Path

import pytest

from tests.benchmarks import amm, codec, exchange, fees, funds, making, reads, tick_to_order
from tests.benchmarks.book_operations import record
from tests.benchmarks.book_peers import run


def test_codec(capsys: pytest.CaptureFixture[str]) -> None:
    codec.main()
    assert "ours (typed, checked)" in capsys.readouterr().out


def test_fees(capsys: pytest.CaptureFixture[str]) -> None:
    fees.main(10)
    assert "count a trade" in capsys.readouterr().out


def test_funds(capsys: pytest.CaptureFixture[str]) -> None:
    funds.main(5)
    assert "vault withdrawal" in capsys.readouterr().out


def test_making(capsys: pytest.CaptureFixture[str]) -> None:
    making.main(2)
    assert "quote update" in capsys.readouterr().out


def test_tick_to_order(capsys: pytest.CaptureFixture[str]) -> None:
    tick_to_order.main(5, 1)
    assert "p50 ratio" in capsys.readouterr().out


def test_exchange(capsys: pytest.CaptureFixture[str]) -> None:
    exchange.main(2_000, 12_000)
    printed = capsys.readouterr().out
    assert printed.count("| yes |") == 2 and "NO" not in printed


def test_book_ours(tmp_path: Path) -> None:
    file = tmp_path / "operations"
    record(2_000, 7, file)
    assert json.loads(run("ours", "book_worker.py", "ours", file, 1, 2_000))["fills"] > 0
    assert json.loads(run("ours", "book_inserts.py", "book", 20))


def test_amm_ours(tmp_path: Path) -> None:
    file = tmp_path / "task.json"
    file.write_text(json.dumps(amm.task(50, 1 / 8, 10**12, 5 * 10**20)))
    assert json.loads(run("ours", "amm_worker.py", "ours", file, 1))["rates"][0] > 0


def test_reads_ours(capsys: pytest.CaptureFixture[str]) -> None:
    reads.main(5, 1, ("ours",))
    printed = capsys.readouterr().out
    assert "| ours | yes |" in printed or "anvil is not installed" in printed
