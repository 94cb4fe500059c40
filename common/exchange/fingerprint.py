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
    digest.update(_encode(_balances(ledger.accounts.state())))
    digest.update(_encode((ledger.last_order_id, ledger.last_trade_id, ledger.last_place)))
    return digest.hexdigest()


def _side(side: BookSide) -> list[Any]:
    levels = side.best_first()
    return [(level.price, [(each.account, each.order_id, each.quantity) for each in level]) for level in levels]


def _balances(state: dict[str, dict[str, tuple[int, int]]]) -> list[tuple[str, str, tuple[int, int]]]:
    # Looking at a balance makes an empty one, which is no difference.
    held = ((account, asset, amounts) for account, assets in state.items() for asset, amounts in assets.items())
    return sorted(each for each in held if each[2] != (0, 0))
