"""TOML files into frozen Structs, with errors that name the file, the key, what was expected and what was found."""

import re
import tomllib
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from common.model.errors import ConfigInvalid

C = TypeVar("C")
_AT = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>[^`]*)`)?$", re.DOTALL)
_EXPECTED = re.compile(r"^Expected `(?P<expected>[^`]*)`(?:, got `(?P<got>[^`]*)`)?")


def load_config(path: Path, kind: type[C]) -> C:
    """Read and check one file. Raises ConfigInvalid."""
    return convert_config(read_toml(path), kind, str(path))


def read_toml(path: Path) -> dict[str, Any]:
    """Parse one file. Raises ConfigInvalid if it is missing, unreadable or no TOML."""
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise ConfigInvalid("configuration file", str(path), "a file", "nothing there") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid("configuration file", str(path), "a readable text file", str(error)) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigInvalid("configuration file", str(path), "valid TOML", str(error)) from None


def convert_config(table: dict[str, Any], kind: type[C], where: str) -> C:
    """Check a parsed table against a Struct. Raises ConfigInvalid that names the key path."""
    try:
        return msgspec.convert(table, kind, strict=True)
    except msgspec.ValidationError as error:
        raise _explain(str(error), where, table) from None


def _explain(text: str, where: str, table: dict[str, Any]) -> ConfigInvalid:
    at = _AT.match(text)
    what, path = (at["what"], at["path"] or "") if at else (text, "")
    place = f"{where}: {path}" if path else where
    if match := _EXPECTED.match(what):
        return ConfigInvalid("value", place, match["expected"], _value_at(table, path, match["got"]))
    if "unknown field" in what:
        return ConfigInvalid("key", place, "a key that this file knows", what.rsplit("`", 2)[-2])
    if "missing required field" in what:
        return ConfigInvalid("key", place, f"the key {what.rsplit('`', 2)[-2]}", "nothing")
    return ConfigInvalid("value", place, what, _value_at(table, path, None))


def _value_at(table: Any, path: str, otherwise: object) -> object:
    for key in re.findall(r"[^.\[\]]+", path):
        try:
            table = table[int(key)] if isinstance(table, list) else table[key]
        except (KeyError, IndexError, ValueError, TypeError):
            return otherwise
    return table if path else otherwise
