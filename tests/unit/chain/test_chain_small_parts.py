"""Keys on disk, refusals of nodes, and the blocks that a follower knows."""

import stat
from pathlib import Path

import pytest

from common.chain.blocks import Head
from common.chain.heads import KnownBlocks
from common.chain.refusals import refusal_from, revert_reason
from common.chain.wallet import Fees, TransactionRequest, Wallet, create_key_file, load_wallet
from common.model.errors import ConfigInvalid


def test_a_key_file_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys/lp.key"
    assert create_key_file(path) and not create_key_file(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and list(path.parent.iterdir()) == [path]
    wallet = load_wallet(path)
    assert wallet.address == load_wallet(path).address
    create_key_file(tmp_path / "other.key")
    assert load_wallet(tmp_path / "other.key").address != wallet.address


@pytest.mark.parametrize("text", ["", "not hex", "00" * 31, "00" * 32, "ff" * 32])
def test_a_file_without_a_key_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lp.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigInvalid) as error:
        load_wallet(path)
    assert not text or text not in str(error.value)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lp.key"
    create_key_file(path)
    path.chmod(0o640)
    with pytest.raises(ConfigInvalid, match="0600"):
        load_wallet(path)
    with pytest.raises(ConfigInvalid, match="readable"):
        load_wallet(tmp_path / "absent.key")


def test_signing_is_deterministic_and_bound_to_nonce_and_chain() -> None:
    wallet = Wallet(b"\x01" * 32)
    request = TransactionRequest(to="0x000000000000000000000000000000000000dEaD", data=b"", gas_limit=21_000, value=1)
    fees = Fees(max_fee=2, tip=1)
    first = wallet.sign(request, 0, fees, 1)
    assert first == wallet.sign(request, 0, fees, 1) and first.raw[0] == 2
    assert len({first.hash, wallet.sign(request, 1, fees, 1).hash, wallet.sign(request, 0, fees, 5).hash}) == 3


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("already known", "already_known"),
        ("transaction already imported", "already_known"),
        ("nonce too low: next nonce 5, tx nonce 3", "nonce_too_low"),
        ("replacement transaction underpriced", "replacement_underpriced"),
        ("max fee per gas less than block base fee: 1", "fee_too_low"),
        ("Insufficient funds for gas * price + value", "insufficient_funds"),
        ("something new", "rpc_-32000"),
    ],
)
def test_refusals_have_stable_codes(message: str, code: str) -> None:
    refusal = refusal_from({"code": -32000, "message": message})
    assert (refusal.code, refusal.detail) == (code, message)


def test_revert_reasons() -> None:
    text = "0x08c379a0" + (32).to_bytes(32).hex() + (3).to_bytes(32).hex() + b"STF".ljust(32, b"\0").hex()
    assert revert_reason(text) == "STF"
    assert revert_reason("0x4e487b71" + (0x11).to_bytes(32).hex()) == "panic 0x11"
    assert revert_reason("0xdeadbeef") == "custom error 0xdeadbeef"
    assert revert_reason("0x") == revert_reason(None) == ""
    # What stands behind a known selector may be rubbish: a refusal must stay a refusal.
    assert revert_reason("0x08c379a0ff") == "unreadable reason 0x08c379a0ff"
    assert revert_reason("0xzz") == "unreadable reason 0xzz"
    assert refusal_from({"code": 3, "message": "execution reverted", "data": "0x"}).code == "reverted"


def test_known_blocks() -> None:
    heads = [Head(number=n, hash=f"h{n}", parent_hash=f"h{n - 1}", timestamp_s=n, base_fee=1) for n in range(10)]
    known = KnownBlocks(depth_max=4)
    assert known.tip is None
    for head in heads:
        known.add(head)
    assert known.tip == heads[9] and known.blocks == heads[6:] and not known.knows("h5")
    assert known.undo_to("h7") == [heads[9], heads[8]] and known.tip == heads[7]
    assert known.undo_to("h7") == []
