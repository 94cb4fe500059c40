"""Keys from every place, and every way in which a place can be wrong: named, and never quoted."""

import json
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from common.chain.keys import KNOWN_ADDRESSES, KeyPlace, load_key, refuse_known_key
from common.chain.wallet import Wallet
from common.model.errors import ConfigInvalid

KEY, PASSWORD = bytes(range(1, 33)), "correct horse"
ADDRESS = Wallet(KEY).address
# Weak on purpose: the strength of a key derivation is not what is tested.
STORE: dict[str, Any] = Account.encrypt(KEY, PASSWORD, kdf="pbkdf2", iterations=10)
MNEMONIC = "test test test test test test test test test test test junk"


def secret(folder: Path, name: str, text: str | bytes, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def place(folder: Path, store: Any = STORE, password: str | None = PASSWORD, **changed: Any) -> KeyPlace:
    """A keystore and its password file."""
    text = store if isinstance(store, str | bytes) else json.dumps(store)
    fields = {
        "key_file": secret(folder, "key.json", text),
        "password_file": None if password is None else secret(folder, "password", password),
    }
    return KeyPlace(**(fields | changed))


def test_a_key_is_found_in_each_place(tmp_path: Path) -> None:
    plain = secret(tmp_path, "plain.key", "0x" + KEY.hex() + "\n")
    assert load_key(KeyPlace(key_file=plain), {}).address == ADDRESS
    assert load_key(place(tmp_path, password=PASSWORD + "\n"), {}).address == ADDRESS
    by_variable = place(tmp_path, password=None, password_variable="LP_PASSWORD")
    assert load_key(by_variable, {"LP_PASSWORD": PASSWORD}).address == ADDRESS
    nowhere = KeyPlace(key_file=tmp_path / "absent", key_variable="LP_KEY")
    assert load_key(nowhere, {"LP_KEY": KEY.hex()}).address == ADDRESS
    bare = {name: value for name, value in STORE.items() if name != "address"}
    assert load_key(place(tmp_path, bare), {}).address == ADDRESS


def test_a_keystore_of_the_usual_strength_opens_too(tmp_path: Path) -> None:
    strong = Account.encrypt(KEY, PASSWORD, kdf="scrypt", iterations=2**13)
    assert load_key(place(tmp_path, strong), {}).address == ADDRESS


BROKEN: list[tuple[str, Any, str]] = [
    ("cut", json.dumps(STORE)[:-9], "JSON"),
    ("version 1", STORE | {"version": 1}, "version 3"),
    ("no version", {"crypto": STORE["crypto"]}, "version 3"),
    ("no crypto", {"version": 3}, "complete keystore"),
    ("crypto of another kind", STORE | {"crypto": 7}, "complete keystore"),
    ("unknown kdf", STORE | {"crypto": STORE["crypto"] | {"kdf": "foo"}}, "complete keystore"),
    ("tampered", STORE | {"crypto": STORE["crypto"] | {"ciphertext": "00" * 32}}, "does not open"),
    ("another's address", STORE | {"address": "12" * 20}, ADDRESS),
    ("an address that is none", STORE | {"address": "zz"}, ADDRESS),
    ("an address of another kind", STORE | {"address": 7}, ADDRESS),
    ("no key", "hello", "keystore, since a password"),
    ("a plain key", KEY.hex(), "keystore, since a password"),
    ("no text", b"\xff\xfe\x00", "a text"),
    ("huge", "{" + " " * 20_000 + "}", "at most"),
]


@pytest.mark.parametrize(("store", "rule"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_a_broken_keystore_is_refused(tmp_path: Path, store: Any, rule: str) -> None:
    refused(place(tmp_path, store), {}, rule, "key.json")


def test_a_password_that_is_wrong_absent_or_open_to_others_is_refused(tmp_path: Path) -> None:
    refused(place(tmp_path, password="incorrect horse"), {}, "does not open", "password")
    refused(place(tmp_path, password=""), {}, "an empty file", "password")
    refused(place(tmp_path, password=None), {}, "password file or variable", "key.json")
    refused(place(tmp_path, password_file=tmp_path / "absent"), {}, "a readable file", "absent")
    refused(place(tmp_path, password_file=secret(tmp_path, "open", PASSWORD, 0o640)), {}, "mode 0600", "open")
    by_variable = place(tmp_path, password=None, password_variable="LP_PASSWORD")
    refused(by_variable, {}, "nothing", "LP_PASSWORD")
    refused(by_variable, {"LP_PASSWORD": "incorrect horse"}, "does not open", "LP_PASSWORD")


def test_a_key_that_is_absent_or_open_to_others_is_refused(tmp_path: Path) -> None:
    refused(KeyPlace(key_file=tmp_path / "absent"), {}, "a readable file", "absent")
    for mode in (0o644, 0o660, 0o604):
        refused(place(tmp_path, key_file=secret(tmp_path, "open.json", json.dumps(STORE), mode)), {}, "0600", "open")
        refused(KeyPlace(key_file=secret(tmp_path, "open.key", KEY.hex(), mode)), {}, "0600", "open.key")
    for text in ("00" * 32, "ff" * 32, KEY.hex()[:-2], KEY.hex() + "00", "nonsense", "0x"):
        refused(KeyPlace(key_file=secret(tmp_path, "bad.key", text)), {}, "32 bytes", "bad.key")
    by_variable = KeyPlace(key_file=tmp_path / "absent", key_variable="LP_KEY")
    refused(by_variable, {"LP_KEY": "  "}, "nothing", "LP_KEY")
    refused(by_variable, {"LP_KEY": KEY.hex()[:-1]}, "32 bytes", "LP_KEY")


def refused(where: KeyPlace, environment: dict[str, str], rule: str, named: str) -> None:
    with pytest.raises(ConfigInvalid, match=rule) as error:
        load_key(where, environment)
    assert named in error.value.where or named in str(error.value)
    text = str(error.value)
    assert "horse" not in text and KEY.hex()[:12] not in text and error.value.__cause__ is None


def test_everybodys_keys_are_refused_but_on_a_development_chain() -> None:
    Account.enable_unaudited_hdwallet_features()
    for index in range(20):
        account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{index}")
        wallet = Wallet(bytes(account.key))
        refuse_known_key(wallet, 31337, "here")
        for chain_id in (1, 8453, 1337):
            with pytest.raises(ConfigInvalid, match=f"chain {chain_id}"):
                refuse_known_key(wallet, chain_id, "here")
    assert len(KNOWN_ADDRESSES) == 20
    refuse_known_key(Wallet(KEY), 1, "here")
