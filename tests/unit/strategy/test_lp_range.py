"""Asymmetric, aligned ranges from offsets: widths, sides, the vectors of the model."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.amm.pair import Pair
from common.model.errors import InputInvalid
from common.strategy.lp_range import Offsets, RangeModel, model_offsets, target_range
from tests.unit.strategy.lp_worlds import PAIRS

WIDE = RangeModel(half_width_bps_min=0.1, half_width_bps_max=9_000.0)


@pytest.fixture(params=PAIRS, ids=["base is token0", "base is token1"])
def pair(request: pytest.FixtureRequest) -> Pair:
    return request.param


def test_long_inventory_means_a_near_ask_and_a_far_bid(pair: Pair) -> None:
    model = RangeModel()
    neutral, long, short = (model_offsets(model, 2700, 1.25e-4, each) for each in (0, 10, -10))
    assert neutral.bid == pytest.approx(neutral.ask)
    assert long.ask < neutral.ask < short.ask and long.bid > neutral.bid > short.bid
    target = target_range(pair, 2700, long, model)
    assert target.price_upper / 2700 - 1 < 1 - target.price_lower / 2700


def test_ranges_widen_with_volatility(pair: Pair) -> None:
    calm, wild = (model_offsets(RangeModel(), 2700, sigma, 0) for sigma in (1e-4, 8e-4))
    calm_target, wild_target = (target_range(pair, 2700, each, RangeModel()) for each in (calm, wild))
    assert wild_target.price_lower < calm_target.price_lower < 2700 < calm_target.price_upper < wild_target.price_upper


def test_a_full_cross_trades_at_the_offset_within_half_a_spacing(pair: Pair) -> None:
    price = 2701.3
    target = target_range(pair, price, Offsets(12.0, 9.0), WIDE)
    keep = 1 - 500e-6
    sold_at = sqrt(pair.price_at_step(target.ask_start) * target.price_upper)
    bought_at = sqrt(pair.price_at_step(target.bid_end) * target.price_lower)
    assert sold_at / keep == pytest.approx(price + 9.0, rel=3e-4)
    assert bought_at * keep == pytest.approx(price - 12.0, rel=3e-4)


def test_one_sided_ranges_lie_wholly_beyond_the_price(pair: Pair) -> None:
    for price in (2700.0, 2701.1, pair.price_at_step(round(pair.steps_of(2700)) + 0.5)):
        target = target_range(pair, price, Offsets(10.0, 10.0), RangeModel())
        ask_low, ask_high = pair.price_bounds(*target.ask_ticks(pair))
        bid_low, bid_high = pair.price_bounds(*target.bid_ticks(pair))
        base_low, base_high = pair.price_bounds(*target.base_ticks(pair))
        assert bid_low < bid_high <= price < ask_low < ask_high
        assert (base_low, base_high) == (bid_low, ask_high)
        assert (base_low, base_high) == pytest.approx((target.price_lower, target.price_upper))
        assert all(tick % 10 == 0 for tick in (*target.ask_ticks(pair), *target.bid_ticks(pair)))


@pytest.mark.parametrize("offset", [0.0, 1.0, 30.0, 5_000.0])
def test_widths_stay_within_their_bounds(pair: Pair, offset: float) -> None:
    model = RangeModel(half_width_bps_min=25, half_width_bps_max=60)
    target = target_range(pair, 2703.0, Offsets(offset, offset), model)
    for distance in (target.price_upper / 2703 - 1, 1 - target.price_lower / 2703):
        assert 25e-4 <= distance <= 60e-4


def test_a_least_width_that_the_grid_cannot_meet_exactly_is_exceeded_not_missed(pair: Pair) -> None:
    model = RangeModel(half_width_bps_min=12, half_width_bps_max=12)
    target = target_range(pair, 2703.0, Offsets(0, 0), model)
    assert target.price_upper / 2703 - 1 >= 12e-4 and 1 - target.price_lower / 2703 >= 12e-4


def test_far_bounds_keep_their_standard_deviations_within_the_widest(pair: Pair) -> None:
    model = RangeModel(half_width_bps_min=20, half_width_bps_max=200, width_sigmas=1.5, width_horizon_s=900.0)
    for sigma, least_bps in ((1e-5, 20.0), (1e-4, 45.0), (4e-4, 180.0), (1e-2, 200.0)):
        assert model.least_half_width_bps(sigma) == pytest.approx(least_bps)
        target = target_range(pair, 2703.0, Offsets(0.0, 0.0), model, sigma)
        for distance_bps in ((target.price_upper / 2703 - 1) * 1e4, (1 - target.price_lower / 2703) * 1e4):
            assert least_bps <= distance_bps * (1 + 1e-9) and distance_bps < least_bps + 10.01
    off = RangeModel(half_width_bps_min=20, half_width_bps_max=200)
    assert target_range(pair, 2703.0, Offsets(9, 9), off, 1e-2) == target_range(pair, 2703.0, Offsets(9, 9), off)


@given(
    st.sampled_from(PAIRS), st.floats(2600, 2800), st.floats(1e-5, 2e-3), st.floats(1, 4), st.floats(0, 3)
)  # fmt: skip
def test_a_neutral_range_never_narrows_as_volatility_rises(
    pair: Pair, price: float, sigma: float, factor: float, width_sigmas: float
) -> None:
    model = RangeModel(half_width_bps_max=500.0, width_sigmas=width_sigmas)
    calm, wild = (
        target_range(pair, price, model_offsets(model, price, each, 0.0), model, each)
        for each in (sigma, sigma * factor)
    )
    assert wild.lower <= calm.lower and calm.upper <= wild.upper


@pytest.mark.parametrize("offsets", [Offsets(-1, 1), Offsets(1, float("nan"))])
def test_offsets_that_cannot_be_are_refused(pair: Pair, offsets: Offsets) -> None:
    with pytest.raises(InputInvalid, match="offsets"):
        target_range(pair, 2700, offsets, RangeModel())


@pytest.mark.parametrize(
    "bad",
    [
        {"decay": 0.0},
        {"lot_base": -1.0},
        {"half_width_bps_max": 1.0},
        {"xi_impact": -1.0},
        {"decay": float("nan")},
        {"width_sigmas": -1.0},
        {"width_horizon_s": 0.0},
    ],
)
def test_a_model_that_cannot_be_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        RangeModel(**bad)
