"""The one durable primitive: an append-only journal in SQLite, with group commit and snapshots in the same file.

Write before act: what must survive is appended and committed before a byte of it leaves the process. A journal has
one writer, the process that holds its role's lock; readers may open it at any time (WAL).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from common.model.errors import JournalCorrupt

Durability = Literal["full", "process"]

SNAPSHOTS_KEPT = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY, recorded_ns INTEGER NOT NULL, kind TEXT NOT NULL, payload BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS snapshots (sequence INTEGER PRIMARY KEY, payload BLOB NOT NULL);
"""


class Entry(NamedTuple):
    """One record: its place (from 1, gapless), when it was written (UTC ns), its type's tag and its msgpack bytes."""

    sequence: int
    recorded_ns: int
    kind: str
    payload: bytes


class JournalReader:
    """Read access to a journal that another process may be writing. Raises JournalCorrupt if it cannot be read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = _connect(f"file:{path}?mode=ro", path)

    def read(self, after: int = 0) -> Iterator[Entry]:
        """Entries after a sequence, oldest first. Raises JournalCorrupt on a hole or on unreadable pages."""
        try:
            rows = self._connection.execute(
                "SELECT sequence, recorded_ns, kind, payload FROM entries WHERE sequence > ? ORDER BY sequence",
                (after,),
            )
            # A journal that was trimmed begins anywhere, but what follows a snapshot follows it at once.
            expected = after + 1 if after else None
            for row in rows:
                entry = Entry(*row)
                if expected is not None and entry.sequence != expected:
                    raise JournalCorrupt(f"{self.path}: entry {expected} is missing, next is {entry.sequence}")
                expected = entry.sequence + 1
                yield entry
        except sqlite3.DatabaseError as error:
            raise JournalCorrupt(f"{self.path}: {error}") from error

    def read_as(self, kinds: Any, after: int = 0) -> Iterator[tuple[int, int, Any]]:
        """Entries decoded as a (union of) tagged Struct type(s): (sequence, recorded_ns, value).

        Raises JournalCorrupt for an entry that is none of them.
        """
        decoder = msgspec.msgpack.Decoder(kinds)
        for entry in self.read(after):
            try:
                yield entry.sequence, entry.recorded_ns, decoder.decode(entry.payload)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise JournalCorrupt(f"{self.path}: entry {entry.sequence} ({entry.kind}): {error}") from error

    def load_snapshot(self) -> tuple[int, bytes] | None:
        """The newest snapshot as (sequence of the last entry that it contains, bytes), or None."""
        row: tuple[int, bytes] | None = self._connection.execute(
            "SELECT sequence, payload FROM snapshots ORDER BY sequence DESC LIMIT 1"
        ).fetchone()
        return row

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


class Journal(JournalReader):
    """The writer. `durability` is "full" (an fsync for each commit: survives a power cut) or "process" (survives
    kill -9; a power cut may lose the last commits).
    """

    def __init__(self, path: Path, durability: Durability = "full", now_ns: Callable[[], int] = time.time_ns) -> None:
        self.path = path
        self._now_ns, self._durability = now_ns, durability
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _connect(f"file:{path}?mode=rwc", path)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
            self.last_sequence: int = self._connection.execute(
                "SELECT max(coalesce((SELECT max(sequence) FROM entries), 0),"
                " coalesce((SELECT max(sequence) FROM snapshots), 0))"
            ).fetchone()[0]
        except sqlite3.DatabaseError as error:
            raise JournalCorrupt(f"{path}: {error}") from error
        self._open_transaction = False

    def append(self, record: msgspec.Struct) -> int:
        """Add a tagged Struct to the open group; it is durable only after `commit`. Returns its sequence."""
        self._begin()
        return self._insert(record)

    def commit(self) -> None:
        """Make everything appended since the last commit durable, in one write."""
        if self._open_transaction:
            self._connection.execute("COMMIT")
            self._open_transaction = False
            if self._durability == "full":
                # Back to what intents need now, while nothing waits: the switch is not allowed inside a transaction.
                self._connection.execute("PRAGMA synchronous=NORMAL")

    def record(self, record: msgspec.Struct) -> int:
        """Append and commit. Returns the sequence."""
        sequence = self.append(record)
        self.commit()
        return sequence

    def record_intent(self, record: msgspec.Struct) -> int:
        """Append and commit so that it survives kill -9, leaving the wait for the disk to the next `commit`.

        For intents on the hot path whose outcome the other side also knows: if a power cut takes the newest ones,
        reconciliation finds what came of them. Everything appended before is committed with it. Returns the sequence.
        """
        self.commit()
        return self._insert(record)

    def _begin(self) -> None:
        if not self._open_transaction:
            if self._durability == "full":
                self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute("BEGIN IMMEDIATE")
            self._open_transaction = True

    def _insert(self, record: msgspec.Struct) -> int:
        kind = record.__struct_config__.tag
        if not isinstance(kind, str):
            raise TypeError(f"{type(record).__name__} has no text tag and cannot be journaled")
        sequence = self.last_sequence + 1
        self._connection.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?)", (sequence, self._now_ns(), kind, msgspec.msgpack.encode(record))
        )
        self.last_sequence = sequence
        return sequence

    def save_snapshot(self, sequence: int, payload: bytes) -> None:
        """Store the state as of an entry; the two newest are kept. Commits the open group with it."""
        self._begin()
        self._connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?)", (sequence, payload))
        self._connection.execute(
            "DELETE FROM snapshots WHERE sequence NOT IN"
            " (SELECT sequence FROM snapshots ORDER BY sequence DESC LIMIT ?)",
            (SNAPSHOTS_KEPT,),
        )
        self.commit()

    def trim(self, through: int) -> None:
        """Forget entries up to a sequence; the caller has them in a snapshot."""
        self.commit()
        self._connection.execute("DELETE FROM entries WHERE sequence <= ?", (through,))

    def close(self) -> None:
        """Commit the open group and release the file."""
        self.commit()
        super().close()


def _connect(uri: str, path: Path) -> sqlite3.Connection:
    try:
        return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5.0)
    except sqlite3.Error as error:
        raise JournalCorrupt(f"{path}: {error}") from error
