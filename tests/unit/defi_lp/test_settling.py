"""Which settlements a reorganisation makes worthless."""

import pytest

from common.chain.blocks import Head
from common.chain.heads import KnownBlocks
from common.strategy.lp_records import Amounts, Purse
from services.defi_lp.settling import stands


def head(number: int, fork: str = "a") -> Head:
    return Head(number=number, hash=f"0x{number}{fork}", parent_hash="0x", timestamp_s=number, base_fee=1)


@pytest.mark.parametrize(
    ("number", "block_hash", "stood"),
    [
        (5, "0x5a", True),
        (5, "0x5b", False),
        (2, "0x2a", True),
        (7, "0x7a", False),
    ],
    ids=["known", "another block of that height", "older than what is followed", "above the tip"],
)
def test_a_purse_counts_while_its_block_is_part_of_the_chain(number: int, block_hash: str, stood: bool) -> None:
    known = KnownBlocks([head(each) for each in (4, 5, 6)])
    purse = Purse(block_number=number, block_hash=block_hash, tokens=Amounts(), native_wei="0")
    assert stands(purse, known) is stood and not stands(purse, KnownBlocks())
