"""The whole state of an exchange as one value, its hash, and the way back."""

from hashlib import blake2b
from typing import Any

import msgspec

from common.exchange.book import BookSide, RestingOrder
from common.exchange.configuration import ExchangeConfig
from common.exchange.core import ORDER_ENDS, PHASE_ENDS, Core
from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.fees.volumes import VolumeState
from common.exchange.margin.states import MarginState
from common.exchange.matching import Market
from common.exchange.states import CoreState, FactsState, LedgerState

_encode_sorted = msgspec.msgpack.Encoder(order="deterministic").encode

LevelState = tuple[int, list[tuple[int, int]]]
"""A price and its queue, (number of the order, lots) from the front; number 0 is the outside world's."""


class MarketState(msgspec.Struct, frozen=True, kw_only=True):
    """A market: facts, both sides of the book with their queues, and resting reduce-only orders by age."""

    facts: FactsState
    bids: list[LevelState]
    asks: list[LevelState]
    reduce_only: list[int]


class CommonState(msgspec.Struct, frozen=True, kw_only=True):
    """What all parts share."""

    core: CoreState
    fees: VolumeState
    ledger: LedgerState
    margin: MarginState
    markets: dict[str, MarketState]


class ExchangeState(msgspec.Struct, frozen=True, kw_only=True):
    """An exchange, whole: what it is made of, what all parts share, and each room's own."""

    config: ExchangeConfig
    common: CommonState
    rooms: dict[str, msgspec.Raw]


def common_state(core: Core) -> CommonState:
    """The state now. It refers to what goes on changing, so encode it before the next command."""
    return CommonState(
        core=core.state,
        fees=core.fees.state,
        ledger=core.ledger.state,
        margin=core.margin.state,
        markets={symbol: _market_state(market) for symbol, market in core.markets.items()},
    )


def load_common(core: Core, state: CommonState) -> None:
    """Become what a state was. Only for a core that has seen nothing yet."""
    core.load(state.core)
    core.fees.load(state.fees)
    core.margin.load(state.margin)
    core.ledger.load(state.ledger)
    for symbol, kept in state.markets.items():
        market = core.markets[symbol]
        market.facts.load(kept.facts)
        _load_side(core, market, market.book.bids, kept.bids)
        _load_side(core, market, market.book.asks, kept.asks)
        market.reduce_only.orders = {number: market.book.orders[number] for number in kept.reduce_only}
        market.take_touched()
    for order in core.ledger.orders.values():
        if order.is_waiting and order.is_open and order.terms.trigger is not None:
            core.markets[order.symbol].stops.add(order.order_id, order.side, order.terms.trigger, order.stop_ticks)


def hash_of(state: CommonState, rooms: dict[str, Any]) -> str:
    """The same for the same state, in every process and after every restart. Costs O(state).

    What only time has passed over is the same state, and so is one that has forgotten what is over: the clock, ended
    orders and past trades are no part of it, nor are balances of zero, nor what is due because of what orders and
    markets say themselves.
    """
    digest = blake2b(digest_size=16)
    ledger, core = state.ledger, state.core
    balances = {
        account: {asset: amounts for asset, amounts in held.items() if amounts != (0, 0)}
        for account, held in ledger.balances.items()
    }
    digest.update(_encode_sorted((state.markets, state.margin, state.fees, rooms)))
    digest.update(_encode_sorted([order for order in ledger.orders if not order.state.is_final]))
    digest.update(_encode_sorted({account: held for account, held in balances.items() if held}))
    newest = ledger.last_order_id, ledger.last_trade_id, ledger.last_place, ledger.prevented[-1:]
    digest.update(_encode_sorted((ledger.positions, newest)))
    agenda = [(due_ns, kind, key) for due_ns, _, kind, key in core.agenda if kind not in (ORDER_ENDS, PHASE_ENDS)]
    digest.update(_encode_sorted((agenda, core.reactions, core.nonces)))
    return digest.hexdigest()


def _market_state(market: Market) -> MarketState:
    return MarketState(
        facts=market.facts.state,
        bids=_side_state(market.book.bids),
        asks=_side_state(market.book.asks),
        reduce_only=list(market.reduce_only.orders),
    )


def _side_state(side: BookSide) -> list[LevelState]:
    return [(level.price, [(each.order_id, each.quantity) for each in level]) for level in side.best_first()]


def _load_side(core: Core, market: Market, side: BookSide, levels: list[LevelState]) -> None:
    for price, queue in levels:
        for order_id, lots in queue:
            if order_id:
                core.rest(core.ledger.orders[order_id])
            else:
                market.rest(side.side, price, RestingOrder(EXTERNAL_ACCOUNT, 0, lots))
