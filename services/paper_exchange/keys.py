"""The keys of the paper accounts: made at the first start, read ever after, for their owner's eyes only."""

import os
import secrets
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from common.venues.credentials import Credentials, read_credentials

PEM_MARK = "PRIVATE KEY"
"""What a secret that is an Ed25519 private key has in it; every other secret is an HMAC key."""


class ApiKey(msgspec.Struct, frozen=True):
    """Whom a key stands for."""

    account: str
    credentials: Credentials


def ensure_keys(path: Path, accounts: Iterable[str]) -> list[ApiKey]:
    """Two keys of each account, one that signs with HMAC and one with Ed25519.

    The first account's are in `path` and `<its stem>.ed25519.toml`, the others' beside them, with the account's name:
    `<stem>-<account>.toml`. Raises ConfigInvalid for a file that exists and cannot be used.
    """
    keys = list[ApiKey]()
    for number, account in enumerate(accounts):
        stem = f"{path.stem}-{account}" if number else path.stem
        keys.append(ApiKey(account, ensure_credentials(path.with_name(f"{stem}{path.suffix}"))))
        pair = path.with_name(f"{stem}.ed25519{path.suffix}")
        keys.append(ApiKey(account, ensure_credentials(pair, new_private_key)))
    return keys


def new_secret() -> str:
    """A secret for HMAC."""
    return secrets.token_hex(32)


def new_private_key() -> str:
    """An Ed25519 private key, PEM."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def ensure_credentials(path: Path, new: Callable[[], str] = new_secret) -> Credentials:
    """The key in a file; a missing file is created with random values, whole or not at all, mode 0600.

    Raises ConfigInvalid for a file that exists and cannot be used.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            # A JSON text is a TOML text too, line breaks included.
            secret = msgspec.json.encode(new()).decode()
            file.write(f'key = "{secrets.token_hex(32)}"\nsecret = {secret}\n')
        draft.rename(path)
    return read_credentials(path)
