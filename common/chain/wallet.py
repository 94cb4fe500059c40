"""A local key: made once, kept in a 0600 file, signs EIP-1559 transactions. Nothing else ever sees it."""

import os
import secrets
import stat
from pathlib import Path

import msgspec
from eth_account import Account

from common.model.errors import ConfigInvalid

SECRET_BYTES_MAX = 16_384


class Fees(msgspec.Struct, frozen=True, kw_only=True):
    """EIP-1559 fees in wei per gas: the most that is paid in all, and what of it goes to the block's producer."""

    max_fee: int
    tip: int


class TransactionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of a transaction but its nonce and fees. An empty `to` creates a contract from `data`."""

    to: str
    data: bytes
    gas_limit: int
    value: int = 0


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that may be broadcast any number of times: the chain takes them at most once."""

    hash: str
    raw: bytes


class Wallet:
    """One account. Its transactions go through exactly one TransactionWriter (or one paper actor)."""

    def __init__(self, key: bytes) -> None:
        self._account = Account.from_key(key)
        self.address: str = self._account.address

    def sign(self, request: TransactionRequest, nonce: int, fees: Fees, chain_id: int) -> Signed:
        """Sign for one nonce and one chain. Deterministic: the same input gives the same bytes."""
        fields: dict[str, object] = {
            "type": 2, "chainId": chain_id, "nonce": nonce, "gas": request.gas_limit, "value": request.value,
            "data": request.data, "maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.tip,
        }  # fmt: skip
        if request.to:
            fields["to"] = request.to
        signed = self._account.sign_transaction(fields)
        return Signed(hash="0x" + bytes(signed.hash).hex(), raw=bytes(signed.raw_transaction))


def create_key_file(path: Path) -> bool:
    """Write a random key to `path` with mode 0600 unless the file exists; True if it was made. Atomic."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if path.exists():
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    # Link, not rename: of two processes that start at once, the second keeps the first one's key.
    try:
        os.link(draft, path)
        return True
    except FileExistsError:
        return False
    finally:
        draft.unlink()


def read_secret(what: str, path: Path) -> str:
    """A secret file's text as it stands. Raises ConfigInvalid: absent, no text, readable by others, too long."""
    try:
        status = path.stat()
        if status.st_size > SECRET_BYTES_MAX:
            raise ConfigInvalid(what, str(path), f"at most {SECRET_BYTES_MAX} bytes", status.st_size)
        text = path.read_text()
    except OSError as error:
        raise ConfigInvalid(what, str(path), "a readable file", error.strerror) from None
    except UnicodeDecodeError:
        raise ConfigInvalid(what, str(path), "a text", "bytes that are none") from None
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise ConfigInvalid(what, str(path), "a file that only its owner can read (mode 0600)", oct(mode))
    return text


def load_wallet(path: Path) -> Wallet:
    """The wallet of a plain key file (32 bytes in hexadecimal). Raises ConfigInvalid as `keys.load_key`, which also
    knows keystores.
    """
    return parse_key(read_secret("wallet key", path), str(path))


def parse_key(text: str, where: str) -> Wallet:
    """The wallet of a key as text. Raises ConfigInvalid that names `where` and never quotes the text."""
    try:
        return Wallet(bytes.fromhex(text.strip().removeprefix("0x")))
    except ValueError:
        raise ConfigInvalid("wallet key", where, "32 bytes in hexadecimal", "something else") from None
