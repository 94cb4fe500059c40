"""Logs as values: a Swap and a Mint as mainnet logged them, and the two Transfers that share a topic."""

import pytest

from common.chain.blocks import Log, parse_log
from common.chain.events import (
    NftTransferred,
    PoolSwapped,
    TokenTransferred,
    decode_log,
    find_events,
)
from common.model.errors import InputInvalid

POOL = "0x88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640"
SWAP_TOPIC = "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67"
TRANSFER_TOPIC = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"


def word(value: int) -> str:
    return value.to_bytes(32, signed=value < 0).hex()


def log_of(topics: list[str], data: str) -> Log:
    return parse_log(
        {
            "address": POOL.lower(), "topics": topics, "data": "0x" + data, "blockNumber": "0x10",
            "blockHash": "0xab", "transactionHash": "0xcd", "logIndex": "0x2",
        }
    )  # fmt: skip


def test_a_swap_with_signed_amounts() -> None:
    sender = "0x" + word(0xE592427A0AECE92DE3EDEE1F18E0157C05861564)
    data = word(-1_000_000) + word(5 * 10**14) + word(2**96) + word(10**18) + word(-197_000)
    swapped = decode_log(log_of([SWAP_TOPIC, sender, sender], data))
    router = "0xE592427A0AEce92De3Edee1F18E0157C05861564"
    assert swapped == PoolSwapped(router, router, -1_000_000, 5 * 10**14, 2**96, 10**18, -197_000)


def test_both_transfers() -> None:
    ends = ["0x" + word(1), "0x" + word(2)]
    token = log_of([TRANSFER_TOPIC, *ends], word(77))
    nft = log_of([TRANSFER_TOPIC, *ends, "0x" + word(77)], "")
    assert isinstance(decode_log(token), TokenTransferred) and isinstance(decode_log(nft), NftTransferred)
    assert [each.token_id for each in find_events([token, nft], NftTransferred, POOL)] == [77]
    assert find_events([token, nft], NftTransferred, "0x" + "00" * 20) == []


def test_strange_and_cut_logs() -> None:
    assert decode_log(log_of(["0x" + "11" * 32], "")) is None
    assert decode_log(log_of([], "")) is None
    with pytest.raises(InputInvalid):
        decode_log(log_of([SWAP_TOPIC, "0x" + word(1), "0x" + word(2)], word(1)))
