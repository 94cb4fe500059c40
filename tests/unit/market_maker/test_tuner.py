"""The tuner: measured sigma within its bounds, lines in ticks."""

import random

import pytest

from common.messages import BookImage
from common.pricing.glft import GlftParameters, closed_form
from services.market_maker.config import ModelConfig
from services.market_maker.tuner import Tuner

MODEL = ModelConfig(arrival_rate_per_s=0.4, decay_per_bp=1.2, risk_aversion=0.04)


def image(second: int, mid_ticks: int) -> BookImage:
    return BookImage(
        venue="binance", symbol="ETH-USDT", update_id=1, event_time_ns=0, received_ns=second * 10**9,
        bids=[(mid_ticks - 1, 1)], asks=[(mid_ticks + 1, 1)],
    )  # fmt: skip


def test_sigma_is_measured_in_bps_per_root_second() -> None:
    rng, tuner, mid = random.Random(3), Tuner(MODEL), 268_000.0
    for second in range(600):
        mid += rng.gauss(0, 26.8)  # 1 bp.
        tuner.see(image(second, round(mid)))
    assert tuner.sigma_bps == pytest.approx(1.0, rel=0.25)
    expected = closed_form(GlftParameters(sigma=tuner.sigma_bps, arrival_rate=0.4, decay=1.2, risk_aversion=0.04))
    assert tuner.line().half_spread == pytest.approx(expected.half_spread * mid / 10_000, rel=1e-3)
    assert tuner.line().skew == pytest.approx(expected.skew * mid / 10_000, rel=1e-3)


def test_sigma_stays_within_its_bounds() -> None:
    calm, wild = Tuner(MODEL), Tuner(MODEL)
    for second in range(60):
        calm.see(image(second, 268_000))
        wild.see(image(second, 268_000 + 2_000 * (second % 2)))
    assert (calm.sigma_bps, wild.sigma_bps) == (MODEL.sigma_bps_min, MODEL.sigma_bps_max)


def test_half_a_book_teaches_nothing() -> None:
    tuner = Tuner(MODEL)
    tuner.see(None)
    tuner.see(BookImage(venue="b", symbol="s", update_id=1, event_time_ns=0, received_ns=0, bids=[], asks=[(1, 1)]))
    assert tuner.sigma_bps == MODEL.sigma_bps_min
