"""The help that is made from the catalogue, and the command line around it, without any venue."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from common.exchange.queries.table import QUERIES
from services.console.cli import run
from services.console.exchange.fields import COMMAND_WORDS
from services.console.exchange.listing import WIDTH
from tests.conftest import PROJECT

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    """Runs `counterweight exchange ...` in this process: (exit code, what it said, what it complained about)."""
    monkeypatch.chdir(PROJECT)

    def saying(*words: str) -> tuple[int, str, str]:
        code = run(["exchange", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return saying


def test_every_command_is_listed_with_its_fields(say: Say):
    code, out, _ = say("commands")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines() if not line.startswith(" ")} == set(COMMAND_WORDS)
    assert "account=TEXT symbol=TEXT leverage=N" in out and "set-mark (admin)" in out
    assert max(map(len, out.splitlines())) <= WIDTH
    code, out, _ = say("commands", "leverage", "--json")
    (command,) = json.loads(out)["commands"]
    assert command["command"] == "set-leverage"
    assert [field["name"] for field in command["fields"]] == ["account", "symbol", "leverage", "by", "nonce"]


@pytest.mark.parametrize("word", sorted(COMMAND_WORDS))
def test_every_command_has_its_help(say: Say, word: str):
    code, out, _ = say(word, "--help")
    assert code == 0 and out.startswith(f"usage: counterweight exchange {word}")
    assert max(map(len, out.splitlines())) <= WIDTH
    assert say(COMMAND_WORDS[word], "-h") == (0, out, "")


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_every_question_has_its_help(say: Say, name: str):
    code, out, _ = say("show", name.replace("_", "-"), "--help")
    assert code == 0 and QUERIES[name].meaning.split()[0] in out


def test_questions_are_listed(say: Say):
    code, out, _ = say("show")
    assert code == 0 and "show book symbol=TEXT [depth=N]" in out
    assert {each["query"] for each in json.loads(say("show", "--json")[1])["queries"]} == set(QUERIES)


def test_help_shows_values_examples_and_exit_codes(say: Say):
    code, out, _ = say("--help")
    assert code == 0 and "trigger.kind=stop_loss" in out and "69  unavailable" in out and "--venue V" in out
    assert max(map(len, out.splitlines())) <= 120
    code, _, err = say()
    assert code == 2 and err.startswith("usage:")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("set-levrage",), "did you mean set-leverage"),
        (("show", "boook"), "did you mean book"),
        (("frobnicate",), "--help"),
        (("commands", "zebra"), "no command"),
        (("show", "book", "--venue", "kraken"), "--venue: expected one whose exchange this fleet runs (binance)"),
    ],
)
def test_wrong_words_are_2_and_say_what_would_be_right(say: Say, words: tuple[str, ...], says: str):
    code, _, err = say(*words)
    assert code == 2 and says in err and "Traceback" not in err


def test_a_venue_that_does_not_run_is_69(say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("services.console.exchange.door.CONNECT_TIMEOUT_S", 0.05)
    folder = tmp_path / "configs"
    folder.mkdir()
    text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
    (folder / "fleet.toml").write_text(text.replace('"var/paper"', f'"{tmp_path}/v"'))
    code, _, err = say("show", "features", "--config", str(folder))
    assert code == 69 and "counterweight up" in err
    code, out, _ = say("--config", str(folder), "--json", "deposit", "a", "USDT", "1")
    assert code == 69 and json.loads(out)["exit_code"] == 69
