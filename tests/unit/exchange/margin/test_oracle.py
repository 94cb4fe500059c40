"""Oracle prices, and the marks that follow from them."""

import pytest

from common.exchange.events import MarkChanged, RejectReason
from common.exchange.margin.commands import SetOracle
from common.exchange.margin.rules import PerpetualRules
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, TIERS, PerpetualDesk, refusal


def marks(events) -> list[int]:
    return [event.price_ticks for event in events if isinstance(event, MarkChanged)]


def test_mark_follows_the_market_within_the_band_of_the_oracle():
    desk = PerpetualDesk("a", "b", perpetual=PerpetualRules(tiers=TIERS, mark_band_bps=200))
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=1_000)) == [1_000]
    desk.place("a", BUY, 1_005, 1)
    desk.place("b", SELL, 1_015, 1)
    # Nothing has traded, so the oracle stands in for the last trade, and the bid is the median.
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=1_000)) == [1_005]
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=1_001)) == []
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=1_100)) == [1_078]
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=900)) == [918]


def test_mark_set_by_hand_lasts_until_the_next_oracle_price():
    desk = PerpetualDesk("a")
    desk.run(SetOracle, symbol="X-PERP", price_ticks=1_000)
    assert marks(desk.mark(1_300)) == [1_300]
    assert desk.exchange.markets["X-PERP"].facts.mark == 1_300
    assert marks(desk.run(SetOracle, symbol="X-PERP", price_ticks=1_000)) == [1_000]


@pytest.mark.parametrize("price", [0, -1, 2**63, 10.5, None])
def test_prices_that_are_none_are_refused(price):
    desk = PerpetualDesk("a")
    assert refusal(desk.run(SetOracle, symbol="X-PERP", price_ticks=price)) is RejectReason.PRICE_INVALID


def test_only_perpetuals_have_an_oracle():
    desk = PerpetualDesk("a")
    assert refusal(desk.run(SetOracle, symbol="X-USD", price_ticks=1)) is RejectReason.NOT_A_PERPETUAL
    assert refusal(desk.run(SetOracle, symbol="Y", price_ticks=1)) is RejectReason.UNKNOWN_MARKET
