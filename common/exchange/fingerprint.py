"""One number for a whole state: equal states have equal ones, in every process and after every restart."""

from hashlib import blake2b
from typing import Any

import msgspec

from common.exchange.book import BookSide
from common.exchange.core import Core

_encode = msgspec.msgpack.Encoder().encode


def state_hash(core: Core) -> str:
    """Hash of books, waiting orders, market facts, orders, positions and balances. Costs O(all of it).

    The clock is no part: a refused command changes nothing, but time may pass with it.
    """
    ledger = core.ledger
    digest = blake2b(digest_size=16)
    for symbol, market in sorted(core.markets.items()):
        digest.update(_encode((symbol, market.facts.state(), market.stops.state(), list(market.reduce_only.orders))))
        digest.update(_encode((_side(market.book.bids), _side(market.book.asks))))
        digest.update(_encode(sorted((account, lots) for account, lots in ledger.positions[symbol].items() if lots)))
    digest.update(_encode(list(ledger.orders.values())))
    digest.update(_encode(sorted((account, _held(held)) for account, held in ledger.accounts.state().items())))
    digest.update(_encode((ledger.last_order_id, ledger.last_trade_id, ledger.last_place)))
    return digest.hexdigest()


def _side(side: BookSide) -> list[Any]:
    levels = side.best_first()
    return [(level.price, [(each.account, each.order_id, each.quantity) for each in level]) for level in levels]


def _held(held: dict[str, tuple[int, int]]) -> list[tuple[str, tuple[int, int]]]:
    return sorted((asset, amounts) for asset, amounts in held.items() if amounts != (0, 0))
