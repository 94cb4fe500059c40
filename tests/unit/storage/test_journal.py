"""Journal: gapless, committed or absent, readable beside its writer, and refusing to be fooled."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from common.model.errors import JournalCorrupt
from common.storage import Journal, JournalReader


class Deposited(msgspec.Struct, tag=True):
    amount: int


class Withdrawn(msgspec.Struct, tag=True):
    amount: int


def test_records_come_back_in_order_and_typed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    assert [journal.record(Deposited(5)), journal.record(Withdrawn(3))] == [1, 2]
    assert [value for _, _, value in journal.read_as(Deposited | Withdrawn)] == [Deposited(5), Withdrawn(3)]
    assert [entry.kind for entry in journal.read(after=1)] == ["Withdrawn"]
    journal.close()


def test_a_group_is_invisible_until_committed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    journal.record(Deposited(1))
    journal.append(Deposited(2))
    reader = JournalReader(tmp_path / "a.db")
    assert len(list(reader.read())) == 1
    journal.commit()
    assert len(list(reader.read())) == 2
    reader.close()
    journal.close()


def test_sequences_go_on_after_reopening_and_after_trimming_everything(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    for amount in range(3):
        journal.record(Deposited(amount))
    journal.save_snapshot(3, b"state")
    journal.trim(3)
    journal.close()
    journal = Journal(tmp_path / "a.db")
    assert journal.load_snapshot() == (3, b"state")
    assert journal.record(Deposited(9)) == 4
    journal.close()


def test_only_two_snapshots_are_kept(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    for sequence in (1, 2, 3):
        journal.save_snapshot(sequence, b"%d" % sequence)
    connection = sqlite3.connect(tmp_path / "a.db")
    assert connection.execute("SELECT sequence FROM snapshots ORDER BY 1").fetchall() == [(2,), (3,)]
    connection.close()
    journal.close()


def test_a_hole_in_the_middle_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    for amount in range(3):
        journal.record(Deposited(amount))
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("DELETE FROM entries WHERE sequence = 2")
    connection.commit()
    connection.close()
    with pytest.raises(JournalCorrupt, match="entry 2 is missing"):
        list(journal.read())
    journal.close()


def test_an_entry_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.db")
    journal.record(Withdrawn(1))
    with pytest.raises(JournalCorrupt, match="Withdrawn"):
        list(journal.read_as(Deposited))
    journal.close()


def test_garbage_instead_of_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalCorrupt):
        Journal(tmp_path / "a.db")


@pytest.mark.parametrize("write", ["record", "record_intent"])
@pytest.mark.parametrize("durability", ["full", "process"])
def test_what_was_committed_survives_kill_9(tmp_path: Path, durability: str, write: str) -> None:
    script = (
        "import os, signal, msgspec, pathlib\n"
        "from common.storage import Journal\n"
        "class Deposited(msgspec.Struct, tag=True):\n    amount: int\n"
        f"journal = Journal(pathlib.Path({str(tmp_path / 'a.db')!r}), {durability!r})\n"
        f"for amount in range(50): journal.{write}(Deposited(amount))\n"
        "journal.append(Deposited(99))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    journal = Journal(tmp_path / "a.db")
    assert [value.amount for _, _, value in journal.read_as(Deposited)] == list(range(50))
    journal.close()
