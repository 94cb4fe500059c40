"""The exchange core in its compiled form: which modules that are, and how a process comes to use them.

`make native` compiles the very same files with mypyc into `.venv/native/<fingerprint>`. The fingerprint is one of their
sources and of this Python, so what was compiled from other sources is never used: then, and wherever nothing was
compiled, Python runs the files themselves. Both ways do the same; compiled it is about twice as fast.
"""

import os
import sys
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from sysconfig import get_config_var
from types import ModuleType

VARIABLE = "COUNTERWEIGHT_NATIVE"
"""Environment: `0` = never compiled, a folder = compiled, from there; unset = compiled where it fits the sources."""

COMPILED = (
    *("accounts", "admission", "batch", "book", "changes", "core", "entry", "exchange", "facts", "ledger", "matching"),
    *("money", "record", "reduce_only", "resting", "seat", "stops", "triggers"),
    *("analytics.counting", "analytics.day", "analytics.figures", "analytics.records"),
    *("fees.charges", "fees.standings", "margin.accounts", "margin.margin", "margin.table"),
)
"""What a command goes through, in `common.exchange`. Not among them are modules with msgspec Structs, of which mypyc
makes no native classes, and those whose annotations are read: compiled functions have none."""

_COMMON = Path(__file__).resolve().parent
_SUFFIX = str(get_config_var("EXT_SUFFIX"))


class NativeFinder:
    """Finds compiled modules in a folder, before anybody looks for their sources."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._files = {path.name.removesuffix(_SUFFIX): path for path in folder.glob(f"*{_SUFFIX}")}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The compiled module of a name, or None for all others."""
        file = self._files.get(name)
        if file is None:
            return None
        return spec_from_file_location(name, file, loader=ExtensionFileLoader(name, str(file)))


@cache
def fingerprint() -> str:
    """Of all that compiled modules depend on: their sources, those that they import, and this Python."""
    digest = sha256(_SUFFIX.encode())
    for room in ("exchange", "model"):
        for path in sorted((_COMMON / room).rglob("*.py")):
            digest.update(str(path.relative_to(_COMMON)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def home() -> Path:
    """Where compiled forms are kept, one folder each."""
    return Path(sys.prefix) / "native"


def built() -> Path | None:
    """The folder with the compiled form that this process is to use; None = the sources."""
    asked = os.environ.get(VARIABLE)
    if asked == "0":
        return None
    if asked:
        return Path(asked)
    return folder if home().is_dir() and (folder := home() / fingerprint()).is_dir() else None


def use() -> None:
    """Let `common.exchange` come in its compiled form from here on, if there is one. Called before it is imported."""
    folder = built()
    if folder is not None:
        sys.meta_path.insert(0, NativeFinder(folder))


def is_used() -> bool:
    """True in a process whose exchange core is compiled."""
    return any(isinstance(each, NativeFinder) for each in sys.meta_path)
