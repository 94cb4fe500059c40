"""What is told, and when."""

import msgspec

from common.chain.blocks import Head
from common.messages import LpInventoryChanged
from common.strategy.lp_book import LpBook
from services.defi_lp.publication import Publication, is_news
from services.defi_lp.reading import Reading
from tests.unit.strategy.lp_worlds import PAIRS, standing

SECOND = 10**9


def reading(block: int, price: float = 2700.0) -> Reading:
    head = Head(number=block, hash=f"0x{block}", parent_hash=f"0x{block - 1}", timestamp_s=block, base_fee=7)
    return Reading(head=head, home="0xa", holdings=standing(PAIRS[1], price), pools=(), native_wei=0, allowances=())


def told(publication: Publication, block: int, price: float = 2700.0, now_s: float = 0.0) -> LpInventoryChanged:
    message = publication.draft(reading(block, price), LpBook(), 20.0, int(now_s * SECOND), "active")
    publication.last = message
    return message


def test_a_message_carries_the_whole_inventory() -> None:
    publication = Publication("paper", "ETH-USDC-500", 3)
    first, second = told(publication, 1), told(publication, 2, 2699.0)
    holdings = reading(2, 2699.0).holdings
    assert (second.delta, second.value_quote) == (holdings.delta, holdings.value)
    assert second.residual == second.delta - 20.0 and second.delta_change == second.delta - first.delta > 0
    assert first.delta_change == 0 and second.gamma < 0
    assert (int(second.ranges[0].amount_base), int(second.ranges[0].amount_quote)) == holdings.amounts[0]
    assert second.price_lower < 2699 < second.price_upper


def test_an_inventory_is_provisional_until_it_has_stood_for_some_blocks() -> None:
    publication = Publication("paper", "ETH-USDC-500", 3)
    assert [told(publication, block).provisional for block in (1, 2, 3, 4)] == [True, True, True, False]
    assert told(publication, 5, 2699.0).provisional
    assert not told(publication, 8, 2699.0).provisional
    assert told(publication, 4, 2699.0).provisional, "after a rewind the count begins anew"


def test_news_are_due_at_once_and_silence_after_a_second() -> None:
    publication = Publication("paper", "ETH-USDC-500", 3)
    first = told(publication, 1)
    same = msgspec.structs.replace(first, block_number=2, block_hash="0x2", received_ns=int(0.9 * SECOND))
    assert not is_news(same, first) and not publication.is_due(same, 1.0)
    assert publication.is_due(msgspec.structs.replace(same, received_ns=SECOND), 1.0)
    assert publication.is_due(msgspec.structs.replace(same, state="moving"), 1.0)
