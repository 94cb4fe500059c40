"""What the process refuses to start with: exit code 78, a reason that names the place, and no secret in the log."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from common.chain.wallet import Wallet
from common.model.errors import EXIT_CONFIG_INVALID
from tests.integration.defi_lp.lp_world import LpWorld

# Account 0 of the mnemonic that every development node prints.
KNOWN_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
PASSWORD = "correct horse"


def write(path: Path, text: str, mode: int = 0o600) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def replace(path: Path, pattern: str, by: str) -> None:
    text, count = re.subn(pattern, by, path.read_text(), flags=re.MULTILINE)
    assert count == 1, (path, pattern)
    path.write_text(text)


def names_chain(chain_id: int) -> Callable[[LpWorld], None]:
    return lambda lp: replace(lp.configs / "fleet.toml", r"^chain_id = .*$", f"chain_id = {chain_id}")


def known_key_on_mainnet(lp: LpWorld) -> None:
    names_chain(1)(lp)
    write(lp.var / "keys" / "lp.key", KNOWN_KEY)


def no_key_on_mainnet(lp: LpWorld) -> None:
    names_chain(1)(lp)
    (lp.var / "keys" / "lp.key").unlink()


def readable_key(lp: LpWorld) -> None:
    (lp.var / "keys" / "lp.key").chmod(0o644)


def keystore(lp: LpWorld, password: str) -> str:
    """A keystore in place of the plain key; returns its address."""
    key = bytes(range(1, 33))
    write(lp.var / "keys" / "lp.key", json.dumps(Account.encrypt(key, PASSWORD, kdf="pbkdf2", iterations=1000)))
    write(lp.var / "keys" / "password", password)
    replace(lp.configs / "defi_lp.toml", r"^wallet_key_file = .*$", r'\g<0>\nwallet_password_file = "keys/password"')
    return Wallet(key).address


def wrong_password(lp: LpWorld) -> None:
    keystore(lp, "incorrect horse")


REFUSED: list[tuple[str, Callable[[LpWorld], None], str]] = [
    ("a chain that the node is not", names_chain(8453), "chain id .*expected 8453, got 31337"),
    ("a published key on a public chain", known_key_on_mainnet, "lp.key.*published test mnemonic"),
    ("no key on a public chain", no_key_on_mainnet, "lp.key.*a readable file"),
    ("a key that others can read", readable_key, "lp.key.*mode 0600"),
    ("a wrong password", wrong_password, "keys/password.*does not open"),
]


@pytest.mark.parametrize(("spoil", "reason"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_it_ends_with_78_and_says_why(
    chain: str, tmp_path: Path, spoil: Callable[[LpWorld], None], reason: str
) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=False) as lp:
            key = (lp.var / "keys" / "lp.key").read_text().strip()
            spoil(lp)
            lp.start()
            assert lp.process is not None
            assert await asyncio.to_thread(lp.process.wait, 20) == EXIT_CONFIG_INVALID, lp.log()
            assert re.search(reason, lp.log()), lp.log()
            for secret in (key, KNOWN_KEY, "horse"):
                assert secret not in lp.log()

    asyncio.run(run())


def test_it_lives_from_a_keystore(chain: str, tmp_path: Path) -> None:
    async def run() -> None:
        async with LpWorld(chain, tmp_path, base_is_token0=True) as lp:
            lp.wallet = keystore(lp, PASSWORD + "\n")
            await lp.fund()
            lp.start()
            opened = await lp.is_open()
            await lp.assert_equals_chain(opened)
            assert "horse" not in lp.log()

    asyncio.run(run())
