"""`tail -F` over many files at once: rotation, truncation and files that come later are followed."""

import os
import re
from pathlib import Path
from typing import IO

CHUNK_BYTES = 1 << 20
PAST_BYTES_PER_LINE = 400
_STAMP = re.compile(r"^(\d\d:\d\d:\d\d\.\d\d\dZ) ")
_NOON = "12:00:00.000Z"

Line = tuple[str, str]  # (process, text)


class Tail:
    """One growing file; close it, or use it as a context."""

    def __init__(self, process: str, path: Path) -> None:
        self.process, self._path = process, path
        self._file: IO[bytes] | None = None
        self._inode = 0
        self._rest = b""

    def __enter__(self) -> "Tail":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def past(self, count: int) -> list[Line]:
        """The last lines, the rotated predecessor included when the file itself is too short; then follow from here."""
        lines = self._read_end(self._path, count) if self._open() else []
        if len(lines) < count:
            lines = self._read_end(self._path.with_name(f"{self._path.name}.1"), count - len(lines)) + lines
        return [(self.process, line) for line in lines[-count:]] if count else []

    def more(self) -> list[Line]:
        """Whole lines that came since the last call."""
        lines = self._read_on() if self._file or self._open() else []
        if self._was_replaced():
            self.close()
            if self._open():
                lines += self._read_on()
        return [(self.process, line) for line in lines]

    def _open(self) -> bool:
        try:
            self._file = self._path.open("rb")
        except FileNotFoundError:
            return False
        self._inode = os.fstat(self._file.fileno()).st_ino
        return True

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()
        self._file, self._rest = None, b""

    def _read_on(self) -> list[str]:
        assert self._file is not None
        if os.fstat(self._file.fileno()).st_size < self._file.tell():
            self._file.seek(0)
        data = self._rest + self._file.read(CHUNK_BYTES)
        *lines, self._rest = data.split(b"\n")
        return [line.decode(errors="replace") for line in lines]

    def _was_replaced(self) -> bool:
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return False  # Between rename and creation of its successor.

    def _read_end(self, path: Path, count: int) -> list[str]:
        try:
            file = self._file if self._file is not None and path == self._path else path.open("rb")
        except FileNotFoundError:
            return []
        start = max(file.seek(0, os.SEEK_END) - (count + 1) * PAST_BYTES_PER_LINE, 0)
        file.seek(start)
        *lines, rest = file.read().split(b"\n")
        if file is self._file:
            self._rest = rest
        else:
            file.close()
        return [line.decode(errors="replace") for line in (lines[1:] if start else lines)][-count:]


def merge(lines: list[Line]) -> list[Line]:
    """Lines of many processes in order of time. A line without a time stays behind the one it followed."""
    stamped: list[tuple[str, Line]] = []
    last: dict[str, str] = {}
    for process, text in lines:
        if match := _STAMP.match(text):
            last[process] = match[1]
        stamped.append((last.get(process, ""), (process, text)))
    if any(stamp > "23:" for stamp, _ in stamped) and any("" < stamp < "01:" for stamp, _ in stamped):
        # Midnight lies in between: the small hours come after the late evening.
        stamped = [(f"~{stamp}" if "" < stamp < _NOON else stamp, line) for stamp, line in stamped]
    return [line for _, line in sorted(stamped, key=lambda pair: pair[0])]
