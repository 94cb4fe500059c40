"""Every command in the table of docs/exchange.md, in order, against a venue's own process."""

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.exchange.queries.table import QUERIES
from services.console.cli import run
from services.console.exchange.fields import COMMAND_WORDS
from services.console.journals import replay_venue
from tests.conftest import PROJECT
from tests.integration.paper_exchange.still_venue import PROCESS, VenueProcess

TEXT = (PROJECT / "docs" / "exchange.md").read_text()
ROWS = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
TYPED, WORDS = re.compile(r"`counterweight (exchange [^`]*)`"), re.compile(r"`([^`]*)`")
LINES = [typed for row in ROWS for typed in TYPED.findall(row)]
START_S_MAX = 20.0


def settings() -> str:
    """The venue's configuration, as the document has it."""
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    return str(block)


def outcome(capsys: pytest.CaptureFixture[str], line: str) -> tuple[int, str]:
    """Exit code and words of one command, carried out in this process."""
    try:
        code = run(shlex.split(line))
    except SystemExit as error:
        code = int(str(error.code))
    told = capsys.readouterr()
    return code, told.out + told.err


def test_the_table_has_rows_and_commands():
    assert len(ROWS) > 25 and len(LINES) > 60, "the pattern finds nothing any more"
    said = {shlex.split(line)[1] for line in LINES}
    missing = sorted(set(COMMAND_WORDS) - said)
    assert not missing, f"docs/exchange.md shows no {missing}"
    asked = {words[2].replace("-", "_") for line in LINES if (words := shlex.split(line))[1] == "show"}
    assert asked <= set(QUERIES)


def test_every_command_of_the_table_is_carried_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    process = VenueProcess(tmp_path, settings())
    monkeypatch.chdir(PROJECT)
    monkeypatch.setenv("COUNTERWEIGHT_CONFIG", str(process.configs))
    process.start()
    try:
        deadline = time.monotonic() + START_S_MAX
        while outcome(capsys, "exchange show features")[0]:
            assert process.is_alive() and time.monotonic() < deadline, process.log.read_text()
        faults = [fault for row in ROWS for fault in play(row, capsys)]
        assert not faults, "\n".join(faults)
        _code, words = outcome(capsys, "exchange show state-hash --json")
        process.end(signal.SIGKILL)
        exchange = replay_venue(process.var / f"{PROCESS}.db")
        assert exchange is not None and exchange.state_hash() == json.loads(words)["answer"]["state_hash"]
        process.start()
        assert the_program(process, "show", "orders", "alice", "ended=yes", "limit=1").count("\n") == 2
    finally:
        process.end()


def play(row: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What is wrong with the commands of a row, or with what it says of them."""
    told, faults = "", []
    for line in TYPED.findall(row):
        code, words = outcome(capsys, line)
        told += words
        if code:
            faults.append(f"{line}\n  -> {code}: {words}")
        elif line.startswith("exchange show"):
            code, words = outcome(capsys, f"{line} --json")
            assert code == 0 and json.loads(words)["ok"], line
    promised = WORDS.findall(row.rsplit(" | ", 1)[1]) if told else []
    return faults + [f"{row[:40]}... does not show {word}:\n{told}" for word in promised if word not in told]


def the_program(process: VenueProcess, *words: str) -> str:
    """What the console says as a program of its own, when the venue has come up."""
    command = [sys.executable, "-m", "services.console", "exchange", "--venue", "binance", *words]
    command += ["--config", str(process.configs)]
    deadline = time.monotonic() + START_S_MAX
    while True:
        done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
        assert time.monotonic() < deadline, done.stderr
