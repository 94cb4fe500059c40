"""The key with which we ask, read from a TOML file that only its owner may read."""

import stat
import tomllib
from pathlib import Path

import msgspec

from common.model.errors import ConfigInvalid, PeerUnavailable


class Credentials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`key` names us, `secret` signs."""

    key: str
    secret: str

    def __post_init__(self) -> None:
        if not self.key or not self.secret:
            raise ValueError("key and secret must not be empty")

    def __repr__(self) -> str:
        return "Credentials(***)"


def read_credentials(path: Path) -> Credentials:
    """Read the file. Raises PeerUnavailable while it is absent (the paper venue writes its own), else ConfigInvalid."""
    try:
        text, mode = path.read_text(), path.stat().st_mode
    except FileNotFoundError:
        raise PeerUnavailable(f"credentials file {path} does not exist yet") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid("credentials", str(path), "a readable TOML file", type(error).__name__) from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigInvalid("credentials", str(path), "file mode 0600", oct(stat.S_IMODE(mode)))
    try:
        return msgspec.convert(tomllib.loads(text), type=Credentials)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        # The parser's words may quote the secret, so only the kind of the error is told.
        raise ConfigInvalid(
            "credentials", str(path), 'TOML with key = "..." and secret = "..."', type(error).__name__
        ) from None
