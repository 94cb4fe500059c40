"""The configuration: the shipped file loads, bad values are refused by name, and the grid is met exactly."""

import math

import pytest

from common.model.errors import ConfigInvalid
from common.runtime import load_fleet
from common.runtime.config import convert_config, load_config
from common.strategy.quote_rules import QuoteMode
from services.market_maker.config import MarketMakerConfig
from tests.conftest import PROJECT

PAPER = PROJECT / "configs" / "paper"
MARKET = {"venue": "binance", "symbol": "ETH-USDT"}


def test_the_shipped_file_becomes_rules() -> None:
    config = load_config(PAPER / "market_maker.toml", MarketMakerConfig)
    instrument = load_fleet(PAPER).instrument(config.venue, config.symbol)
    rules = config.rules(instrument)
    assert rules.mode is QuoteMode.ONE_SIDED
    assert (rules.unit_lots, rules.quantity_min_lots, rules.quantity_max_lots) == (1_000, 500, 60_000)
    assert rules.notional_min == 5_000_000  # 5 USDT in ticks of 0.01 times lots of 0.0001.
    assert (rules.order_life_ns, rules.book_age_ns_max) == (500_000_000, 500_000_000)


def test_quantities_are_rounded_down_to_lots_but_not_to_nothing() -> None:
    instrument = load_fleet(PAPER).instrument("binance", "ETH-USDT")
    config = MarketMakerConfig(**MARKET, quantity_min_base=0.00001, quantity_max_base=0.29999)
    assert (config.rules(instrument).quantity_min_lots, config.rules(instrument).quantity_max_lots) == (1, 2_999)


@pytest.mark.parametrize(
    "values",
    [
        {"mode": "three_sided"},
        {"quantity_max_base": 0.0},
        {"quantity_max_base": -1.0},
        {"behind_touch_bps": math.nan},
        {"book_age_ms_max": math.inf},
        {"quantity_min_base": 7.0},
        {"reject_backoff_ms_max": 1.0},
        {"gama": 1.0},
        {"model": {"decay_per_bp": 0.0}},
        {"model": {"sigma_bps_max": 0.1}},
        {"symbol": 5},
    ],
)
def test_bad_values_are_refused(values: dict[str, object]) -> None:
    with pytest.raises(ConfigInvalid):
        convert_config(MARKET | values, MarketMakerConfig, "market_maker.toml")


def test_zero_is_a_choice_where_it_makes_sense() -> None:
    config = MarketMakerConfig(**MARKET, behind_touch_bps=0.0, requote_bps=0.0, order_age_ms_min=0.0)
    assert config.behind_touch_bps == 0.0
