"""The synthetic perpetual follows its spot market, wherever that goes."""

from services.paper_exchange.synthetic import STEP_S, SyntheticFlow, SyntheticMarket
from tests.unit.exchange.desk import ETH, Desk

STEPS_PER_S = round(1 / STEP_S)


def middle(seconds: int, anchor_ticks: float) -> float:
    """Where the market stands after some seconds in ticks; it starts at 268,000."""
    desk = Desk()
    flow = SyntheticFlow(ETH, SyntheticMarket(), desk.book, 7, lambda: anchor_ticks)
    for step in range(seconds * STEPS_PER_S):
        flow.step(desk.exchange.execute, step)
    bid, ask = desk.book.bids.best(), desk.book.asks.best()
    assert bid is not None and ask is not None
    return (bid.price + ask.price) / 2


def test_the_price_goes_where_its_anchor_is_and_stays_there():
    for anchor in (260_000.0, 275_000.0):
        assert abs(middle(60, anchor) / anchor - 1) < 0.001


def test_without_an_anchors_price_it_walks_alone():
    desk = Desk()
    flow = SyntheticFlow(ETH, SyntheticMarket(), desk.book, 7)
    for step in range(5 * STEPS_PER_S):
        flow.step(desk.exchange.execute, step)
    bid, ask = desk.book.bids.best(), desk.book.asks.best()
    assert bid is not None and ask is not None
    assert middle(5, 0.0) == (bid.price + ask.price) / 2
