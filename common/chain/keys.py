"""Where a wallet's key comes from: an encrypted keystore, a plain key file, or an environment variable.

A configuration names files and variables, never a key or a password, and no error here quotes what is in them.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from eth_account import Account

from common.chain.addresses import checksum
from common.chain.wallet import Wallet, parse_key, read_secret
from common.model.errors import ConfigInvalid, InputInvalid

DEVELOPMENT_CHAIN_ID = 31337
KEYSTORE_VERSION = 3

# The first 20 accounts of "test test test test test test test test test test test junk", the mnemonic that anvil and
# hardhat print at each start: whatever reaches one of them on a public chain is gone within the next block.
KNOWN_ADDRESSES = frozenset(
    {
        "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266", "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
        "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
        "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65", "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc",
        "0x976EA74026E726554dB657fA54763abd0C3a0aa9", "0x14dC79964da2C08b23698B3D3cc7Ca32193d9955",
        "0x23618e81E3f5cdF7f54C3d65f7FBc0aBf5B21E8f", "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720",
        "0xBcd4042DE499D14e55001CcbB24a551F3b954096", "0x71bE63f3384f5fb98995898A86B02Fb2426c5788",
        "0xFABB0ac9d68B0B445fB7357272Ff202C5651694a", "0x1CBd3b2770909D4e10f157cABC84C7264073C9Ec",
        "0xdF3e18d64BC6A983f673Ab319CCaE4f1a57C7097", "0xcd3B766CCDd6AE721141F452C550Ca635964ce71",
        "0x2546BcD3c84621e976D8185a91A922aE77ECEc30", "0xbDA5747bFD65F08deb54cb465eB87D40e51B197E",
        "0xdD2FD4581271e230360230F9337D5c0430Bf44C0", "0x8626f6940E2eb28930eFb4CeF49B2d1F2C9C1199",
    }
)  # fmt: skip


class KeyPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Names of the places. `key_variable` holds 32 bytes in hexadecimal; else `key_file` holds the same, or a keystore
    (version 3) whose password is in `password_file` or `password_variable`.
    """

    key_file: Path
    key_variable: str = ""
    password_file: Path | None = None
    password_variable: str = ""

    @property
    def wants_password(self) -> bool:
        """Whether a password is configured."""
        return self.password_file is not None or bool(self.password_variable)


def load_key(place: KeyPlace, environment: Mapping[str, str]) -> Wallet:
    """The wallet. Decrypting takes up to seconds of CPU: not for an event loop.

    Raises ConfigInvalid: absent, readable by others, no key, a keystore without a password, the wrong password.
    """
    if place.key_variable:
        where = f"environment variable {place.key_variable}"
        return parse_key(_from_environment("wallet key", place.key_variable, environment), where)
    text = read_secret("wallet key", place.key_file)
    if not text.startswith("{"):
        if place.wants_password:
            raise ConfigInvalid(
                "wallet key", str(place.key_file), "a keystore, since a password is configured", "a key"
            )
        return parse_key(text, str(place.key_file))
    if not place.wants_password:
        rule = "a password file or variable in the configuration, since this is a keystore"
        raise ConfigInvalid("wallet key", str(place.key_file), rule, "neither")
    return _decrypted(text, place, environment)


def refuse_known_key(wallet: Wallet, chain_id: int, where: str) -> None:
    """ConfigInvalid for a key that everybody knows, unless the chain is a development chain."""
    if chain_id != DEVELOPMENT_CHAIN_ID and wallet.address in KNOWN_ADDRESSES:
        rule = f"a key of your own on chain {chain_id}, not one of the published test mnemonic"
        raise ConfigInvalid("wallet key", where, rule, wallet.address)


def _decrypted(text: str, place: KeyPlace, environment: Mapping[str, str]) -> Wallet:
    where = str(place.key_file)
    try:
        keystore: dict[str, Any] = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise ConfigInvalid("wallet key", where, "a keystore as JSON", "a text that is no JSON") from None
    if keystore.get("version") != KEYSTORE_VERSION:
        raise ConfigInvalid("wallet key", where, f"a keystore of version {KEYSTORE_VERSION}", "another version")
    if place.password_file is not None:
        source = str(place.password_file)
        # Editors end a file with a new line; blanks belong to the password.
        password = read_secret("wallet password", place.password_file).rstrip("\r\n")
        if not password:
            raise ConfigInvalid("wallet password", source, "a password", "an empty file")
    else:
        password = _from_environment("wallet password", place.password_variable, environment)
        source = f"environment variable {place.password_variable}"
    try:
        wallet = Wallet(bytes(Account.decrypt(keystore, password)))
    except ValueError:
        rule = f"the password of the keystore {where}"
        raise ConfigInvalid("wallet password", source, rule, "one that does not open it") from None
    except (KeyError, TypeError, NotImplementedError):
        raise ConfigInvalid("wallet key", where, "a complete keystore of version 3", "something else") from None
    return _checked(wallet, keystore.get("address"), where)


def _checked(wallet: Wallet, claimed: object, where: str) -> Wallet:
    """Keystores may name their address: one that names another one was tampered with or mixed up."""
    if not claimed:
        return wallet
    try:
        same = isinstance(claimed, str) and checksum("0x" + claimed.removeprefix("0x")) == wallet.address
    except InputInvalid:
        same = False
    if not same:
        raise ConfigInvalid("wallet key", where, f"the keystore of {wallet.address}, which is inside", claimed)
    return wallet


def _from_environment(what: str, variable: str, environment: Mapping[str, str]) -> str:
    text = environment.get(variable, "")
    if not text.strip():
        raise ConfigInvalid(what, f"environment variable {variable}", "a value", "nothing")
    return text
