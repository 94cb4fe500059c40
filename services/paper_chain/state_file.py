"""The node's state on disk: checked before it is loaded, relieved of old blocks, and backed up.

anvil refuses to start from a cut file and writes every block it ever had into it; both are seen to here.
"""

import os
from pathlib import Path

import msgspec

STATE, BACKUP, CORRUPT = "state.json", "state.backup.json", "state.corrupt.json"
_PARTS = ("accounts", "block", "best_block_number", "blocks", "transactions")

_Dump = dict[str, msgspec.Raw]


class _Numbered(msgspec.Struct):
    number: str | int


class _Block(msgspec.Struct):
    header: _Numbered


class _Transaction(msgspec.Struct):
    block_number: str | int | None = None


class StateFile:
    """The state, its backup and the spoiled file of one node, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / STATE
        self._backup, self._corrupt = folder / BACKUP, folder / CORRUPT

    def prepare(self, blocks_kept: int) -> str:
        """Make the file loadable. Says what it will be: "fresh", "loaded", "restored" (from the backup) or "lost".

        A spoiled file is kept beside it under another name.
        """
        spoiled = self.path.exists()
        if dump := _read(self.path):
            _write(self.path, _trim(dump, blocks_kept))
            self.back_up()
            return "loaded"
        if spoiled:
            os.replace(self.path, self._corrupt)
        if dump := _read(self._backup):
            _write(self.path, _trim(dump, blocks_kept))
            return "restored"
        return "lost" if spoiled else "fresh"

    def back_up(self) -> bool:
        """Copy the file to the backup if it is whole; False if it is absent or the node is just writing it."""
        dump = _read(self.path)
        if dump:
            _write(self._backup, dump)
        return dump is not None


def _read(path: Path) -> _Dump | None:
    try:
        dump = msgspec.json.decode(path.read_bytes(), type=_Dump)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return dump if all(part in dump for part in _PARTS) else None


def _write(path: Path, dump: _Dump) -> None:
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(msgspec.json.encode(dump))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, path)


def _trim(dump: _Dump, blocks_kept: int) -> _Dump:
    """Without blocks and transactions older than the newest `blocks_kept`."""
    blocks = msgspec.json.decode(dump["blocks"], type=list[msgspec.Raw])
    numbered = [(_number(msgspec.json.decode(raw, type=_Block).header.number), raw) for raw in blocks]
    oldest = max((number for number, _ in numbered), default=0) - blocks_kept
    kept = [raw for number, raw in numbered if number > oldest]
    transactions = [
        raw
        for raw in msgspec.json.decode(dump["transactions"], type=list[msgspec.Raw])
        if _number(msgspec.json.decode(raw, type=_Transaction).block_number or 0) > oldest
    ]
    encode = msgspec.json.encode
    return dump | {"blocks": msgspec.Raw(encode(kept)), "transactions": msgspec.Raw(encode(transactions))}


def _number(value: str | int) -> int:
    return int(value, 16) if isinstance(value, str) else value
