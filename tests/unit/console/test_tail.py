"""Following log files: past lines, rotation, truncation, files that come later, order of time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.console.tail import Tail, merge


@pytest.fixture
def tail(tmp_path: Path) -> Iterator[Tail]:
    """Of a log that need not exist yet."""
    with Tail("oms", tmp_path / "oms.log") as made:
        yield made


def _write(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_past_takes_the_last_lines(tmp_path: Path, tail: Tail) -> None:
    log = tmp_path / "oms.log"
    _write(log, "a\nb\nc\n")
    assert tail.past(2) == [("oms", "b"), ("oms", "c")]


def test_no_past_wanted(tmp_path: Path, tail: Tail) -> None:
    _write(tmp_path / "oms.log", "a\n")
    assert tail.past(0) == []
    _write(tmp_path / "oms.log", "b\n")
    assert tail.more() == [("oms", "b")]


def test_past_reaches_into_the_rotated_file(tmp_path: Path, tail: Tail) -> None:
    _write(tmp_path / "oms.log.1", "a\nb\n")
    _write(tmp_path / "oms.log", "c\n")
    assert [line for _, line in tail.past(3)] == ["a", "b", "c"]


def test_more_gives_whole_lines_only(tmp_path: Path, tail: Tail) -> None:
    log = tmp_path / "oms.log"
    _write(log, "old\n")
    tail.past(10)
    _write(log, "one\nhal")
    assert tail.more() == [("oms", "one")]
    _write(log, "f\n")
    assert tail.more() == [("oms", "half")]
    assert tail.more() == []


def test_a_line_unfinished_at_the_start_is_not_lost(tmp_path: Path, tail: Tail) -> None:
    log = tmp_path / "oms.log"
    _write(log, "one\nhal")
    assert tail.past(10) == [("oms", "one")]
    _write(log, "f\n")
    assert tail.more() == [("oms", "half")]


def test_rotation_loses_nothing(tmp_path: Path, tail: Tail) -> None:
    log = tmp_path / "oms.log"
    _write(log, "one\n")
    tail.past(10)
    _write(log, "two\n")
    log.rename(tmp_path / "oms.log.1")
    _write(log, "three\n")
    assert [line for _, line in tail.more()] == ["two", "three"]
    _write(log, "four\n")
    assert [line for _, line in tail.more()] == ["four"]


def test_truncation_starts_again(tmp_path: Path, tail: Tail) -> None:
    log = tmp_path / "oms.log"
    _write(log, "a long first line\n")
    tail.past(10)
    log.write_text("new\n")
    assert [line for _, line in tail.more()] == ["new"]


def test_a_file_that_comes_later_is_read_from_its_beginning(tmp_path: Path, tail: Tail) -> None:
    assert tail.past(10) == [] and tail.more() == []
    _write(tmp_path / "oms.log", "first\n")
    assert tail.more() == [("oms", "first")]


def test_merge_orders_by_time_and_keeps_tracebacks_behind_their_line() -> None:
    oms = [("oms", "10:00:02.000Z E oms boom"), ("oms", "  File x"), ("oms", "10:00:04.000Z I oms late")]
    mm = [("mm", "10:00:01.000Z I mm early"), ("mm", "10:00:03.000Z I mm between")]
    assert [text for _, text in merge(oms + mm)] == [
        "10:00:01.000Z I mm early", "10:00:02.000Z E oms boom", "  File x", "10:00:03.000Z I mm between",
        "10:00:04.000Z I oms late",
    ]  # fmt: skip


def test_merge_over_midnight() -> None:
    lines = [("a", "23:59:59.900Z I a before"), ("b", "00:00:00.100Z I b after"), ("a", "00:00:00.200Z I a later")]
    assert merge(list(reversed(lines))) == lines
