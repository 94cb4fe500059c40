"""The kill latch: one small file whose existence stops all new orders, whoever made it and whoever is alive."""

import os
from pathlib import Path

import msgspec

from common.messages import KillStateChanged

_RELEASED = KillStateChanged(engaged=False, reason="", operator="", engaged_ns=0)


class Latch:
    """File latch at `path`. Survives restarts and power loss; an operator may even `touch` it by hand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, KillStateChanged] = (0, _RELEASED)

    @property
    def engaged(self) -> bool:
        """True while the file exists: one stat, cheap enough for every order."""
        return self.path.exists()

    def state(self) -> KillStateChanged:
        """Who engaged it, when and why. A file that we did not write still counts as engaged."""
        try:
            stat = self.path.stat()
            if self._seen[0] != stat.st_mtime_ns:
                self._seen = (stat.st_mtime_ns, self._read(stat.st_mtime_ns))
            return self._seen[1]
        except FileNotFoundError:
            return _RELEASED

    def _read(self, mtime_ns: int) -> KillStateChanged:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=KillStateChanged)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return KillStateChanged(engaged=True, reason="latch file", operator="unknown", engaged_ns=mtime_ns)

    def engage(self, reason: str, operator: str, now_ns: int) -> KillStateChanged:
        """Make the latch durable, then return its state. A second engage keeps the first one's words."""
        if self.engaged:
            return self.state()
        state = KillStateChanged(engaged=True, reason=reason, operator=operator, engaged_ns=now_ns)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.path.with_suffix(f".{os.getpid()}.tmp")
        with scratch.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(self.path)
        self._sync_folder()
        return state

    def rearm(self) -> KillStateChanged:
        """Release the latch; harmless when it is not engaged."""
        self.path.unlink(missing_ok=True)
        self._sync_folder()
        return _RELEASED

    def _sync_folder(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
