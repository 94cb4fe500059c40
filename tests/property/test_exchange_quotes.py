"""Quotes under random markets: never crossed, never too close, never more than two orders, the same after a restart."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from common.exchange.commands import CancelOrder, PassTime, PlaceOrder, SetMark, TakeLiquidity
from common.exchange.events import CommandRefused
from common.exchange.quotes.commands import CancelQuote, MoveQuote, SetQuote
from common.exchange.quotes.prices import keeps_spread
from common.exchange.quotes.quote import Quote
from common.exchange.quotes.terms import QuoteTerms
from common.model.order import Side
from tests.unit.exchange.desk import ETH, Desk

ACCOUNTS = ("me", "you")


def draw_terms(random: Random, now_ns: int) -> QuoteTerms:
    """Terms that are mostly right."""
    terms = {
        "bid_lots": random.randrange(1, 30), "ask_lots": random.randrange(1, 30),
        "spread_bps_min": random.choice((0, 0, 30, 200)), "linked": random.random() < 0.2,
        "refills": random.random() < 0.5, "held_lots_max": random.choice((0, 20, 50)),
    }  # fmt: skip
    if random.random() < 0.2:
        terms["expires_ns"] = now_ns + random.randrange(1, 40)
    if random.random() < 0.3:
        bid = random.randrange(900, 1100)
        return QuoteTerms(**terms, bid_ticks=bid, ask_ticks=bid + random.randrange(-1, 60))
    if terms["held_lots_max"]:
        terms["skew_bps"] = random.choice((0, 50, 500))
    around = {"follows_mark": True} if random.random() < 0.6 else {"mid_ticks": random.randrange(900, 1100)}
    threshold = random.choice((0, 0, 100))
    return QuoteTerms(**terms, **around, spread_bps=random.choice((1, 20, 50, 300)), threshold_bps=threshold)


def draw(random: Random, at: int):  # type: ignore[no-untyped-def]
    """One command of a busy market."""
    kind, account = random.randrange(20), random.choice(ACCOUNTS)
    if kind < 3:
        return SetQuote(time_ns=at, account=account, symbol=ETH.symbol, terms=draw_terms(random, at))
    if kind < 6:
        names = random.sample(("mid_ticks", "bid_ticks", "ask_ticks"), random.randrange(3))
        changes = {name: random.randrange(900, 1100) for name in names}
        changes |= {name: random.randrange(30) for name in ("bid_lots", "ask_lots") if random.random() < 0.4}
        return MoveQuote(time_ns=at, account=account, symbol=ETH.symbol, **changes)
    if kind < 7:
        return CancelQuote(time_ns=at, account=account, symbol=ETH.symbol)
    if kind < 10:
        return SetMark(time_ns=at, symbol=ETH.symbol, price_ticks=random.randrange(950, 1050))
    if kind < 15:
        return PlaceOrder(
            time_ns=at, account=account, symbol=ETH.symbol, client_order_id=str(at), side=random.choice(list(Side)),
            quantity_lots=random.randrange(1, 40), price_ticks=random.randrange(930, 1070),
        )  # fmt: skip
    if kind < 16:
        return CancelOrder(time_ns=at, account=account, symbol=ETH.symbol, order_id=random.randrange(1, at + 2))
    if kind < 17:
        return PassTime(time_ns=at + random.randrange(30))
    return TakeLiquidity(
        time_ns=at, symbol=ETH.symbol, side=random.choice(list(Side)), price_ticks=random.randrange(900, 1100),
        quantity_lots=random.randrange(1, 60),
    )  # fmt: skip


def check(desk: Desk, quote: Quote) -> None:
    """Bid below ask, apart by the minimum, and no order but these two."""
    orders = [each for each in desk.exchange.orders.open_of(quote.account, [ETH.symbol]) if each.terms.link]
    assert {order.order_id for order in orders} == {quote.bid_order, quote.ask_order} - {0}
    by_side = {order.side: order for order in orders}
    assert len(by_side) == len(orders)
    assert all(order.terms.post_only and order.terms.link == quote.link for order in orders)
    if len(orders) == 2:
        bid, ask = by_side[Side.BUY].price_ticks, by_side[Side.SELL].price_ticks
        assert keeps_spread(bid, ask, quote.terms.spread_bps_min)
        if not quote.terms.has_prices:
            assert keeps_spread(bid, ask, quote.terms.spread_bps)


def play(random: Random, steps: int) -> tuple[Desk, int]:
    """A run of random commands, checked after each; returns how many quotes were placed or moved."""
    desk, set_count = Desk(maker_bps="1", taker_bps="5"), 0
    desk.mark(1000)
    for _ in range(steps):
        command = draw(random, desk.exchange.time_ns + 1)
        # What time brings, expiries that are outdated among it, is no part of what a refusal may not change.
        desk.execute(PassTime(time_ns=command.time_ns))
        before = desk.exchange.state_hash()
        events = desk.execute(command)
        if len(events) == 1 and isinstance(events[0], CommandRefused):
            assert desk.exchange.state_hash() == before
        elif isinstance(command, SetQuote | MoveQuote):
            set_count += 1
        linked = sum(
            bool(order.terms.link) for name in ACCOUNTS for order in desk.exchange.orders.open_of(name, [ETH.symbol])
        )
        quotes = desk.exchange.quotes.quotes.values()
        assert linked == sum(bool(quote.bid_order) + bool(quote.ask_order) for quote in quotes)
        for quote in quotes:
            check(desk, quote)
        bid, ask = desk.book.bids.best(), desk.book.asks.best()
        assert bid is None or ask is None or bid.price < ask.price
    return desk, set_count


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32))
def test_spreads_are_kept_whatever_happens(seed: int) -> None:
    desk, _ = play(Random(seed), 60)
    assert desk.loaded().state_hash() == desk.exchange.state_hash()


@pytest.mark.parametrize("seed", range(6))
def test_a_long_run_a_replay_and_a_restart_agree(seed: int) -> None:
    random = Random(seed)
    desk, set_count = play(random, 400)
    assert set_count > 25
    assert desk.replayed().state_hash() == desk.exchange.state_hash()
    restored = desk.loaded()
    for _ in range(100):
        command = draw(random, desk.exchange.time_ns + 1)
        assert restored.execute(command) == desk.exchange.execute(command)
    assert restored.state_hash() == desk.exchange.state_hash()
