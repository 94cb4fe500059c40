"""GLFT against the values that were computed independently for the design (models.md section 3), and its own limits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.pricing.glft import GlftParameters, closed_form, gueant_2017
from common.pricing.glft_table import asymptotic, exact

FIGURE_1 = GlftParameters(sigma=0.3, arrival_rate=0.9, decay=0.3, risk_aversion=0.01)
STRESS = GlftParameters(sigma=1.0, arrival_rate=0.2, decay=0.3, risk_aversion=0.01)
INVENTORIES = (-10, -5, -1, 0, 1, 2, 5, 10, 20)
EXACT_BIDS = (2.632802, 2.972522, 3.244919, 3.313045, 3.381168, 3.449280, 3.653479, 3.992933, 4.665542)
CLOSED_BIDS = (2.634257, 2.973586, 3.245049, 3.312915, 3.380781, 3.448647, 3.652244, 3.991574, 4.670232)


@pytest.mark.parametrize(("inventory", "expected"), [*zip(INVENTORIES, EXACT_BIDS, strict=True)])
def test_exact_quotes_of_figure_1(inventory: int, expected: float) -> None:
    table = exact(FIGURE_1, 30, 600)
    assert table.bid_offset(inventory) == pytest.approx(expected, abs=6e-7)
    assert table.ask_offset(-inventory) == pytest.approx(expected, abs=6e-7)


@pytest.mark.parametrize(("inventory", "expected"), [*zip(INVENTORIES, CLOSED_BIDS, strict=True)])
def test_closed_form_of_figure_1(inventory: int, expected: float) -> None:
    quotes = closed_form(FIGURE_1)
    assert quotes.bid_offset(inventory) == pytest.approx(expected, abs=6e-7)
    assert quotes.ask_offset(-inventory) == pytest.approx(expected, abs=6e-7)


def test_closed_form_fails_where_the_exact_one_does_not() -> None:
    table, line = exact(STRESS, 30, 600), closed_form(STRESS)
    assert table.bid_offset(10) == pytest.approx(8.022747, abs=6e-7)
    assert line.bid_offset(10) == pytest.approx(8.317763, abs=6e-7)
    assert table.bid_offset(20) == pytest.approx(11.245, abs=6e-4)
    assert line.bid_offset(20) == pytest.approx(13.117, abs=6e-4)


@pytest.mark.parametrize("base", [FIGURE_1, STRESS])
@pytest.mark.parametrize(("drift", "impact"), [(0.0, 0.0), (0.02, 0.0), (-0.01, 0.4), (0.0, 1.0)])
def test_asymptotic_is_the_limit_of_exact_up_to_the_bounds(base: GlftParameters, drift: float, impact: float) -> None:
    parameters = GlftParameters(
        sigma=base.sigma,
        arrival_rate=base.arrival_rate,
        decay=base.decay,
        risk_aversion=base.risk_aversion,
        drift=drift,
        xi_impact=impact,
    )
    far, limit = exact(parameters, 30, 20_000), asymptotic(parameters, 30)
    assert limit.bid_offsets[:-1] == pytest.approx(far.bid_offsets[:-1], abs=1e-8)
    assert limit.ask_offsets[1:] == pytest.approx(far.ask_offsets[1:], abs=1e-8)


def test_exact_agrees_with_a_general_matrix_exponential() -> None:
    from scipy.linalg import expm

    q = np.arange(-5, 6)
    k, gamma, drift, xi, time_left = 0.3, 0.01, 0.02, 0.5, 60.0
    eta = 0.9 * (1 + gamma / k) ** -(1 + k / gamma) * math.exp(-k * xi / 2)
    matrix = np.diag(k * gamma * 0.3**2 / 2 * q**2 - k * drift * q)
    matrix = matrix - eta * (np.eye(11, k=1) + np.eye(11, k=-1))
    v = expm(-matrix * time_left) @ np.exp(-k * xi * q**2 / 2)
    bids = np.log(v[:-1] / v[1:]) / k + math.log(1 + gamma / k) / gamma + xi / 2
    parameters = GlftParameters(sigma=0.3, arrival_rate=0.9, decay=k, risk_aversion=gamma, drift=drift, xi_impact=xi)
    assert exact(parameters, 5, time_left).bid_offsets[:-1] == pytest.approx(bids, abs=1e-10)


def test_near_the_horizon_only_the_fill_risk_is_left() -> None:
    table = exact(FIGURE_1, 10, 1e-9)
    base = math.log(1 + 0.01 / 0.3) / 0.01
    assert table.bid_offsets[:-1] == pytest.approx([base] * 20, abs=1e-7)


def test_bounds_forbid_the_side_that_would_break_them() -> None:
    for table in (exact(FIGURE_1, 3, 600), asymptotic(FIGURE_1, 3)):
        assert table.bid_offset(3) == math.inf
        assert table.ask_offset(-3) == math.inf
        with pytest.raises(ValueError, match="outside"):
            table.bid_offset(4)


def test_drift_up_raises_both_quotes_and_impact_widens_them() -> None:
    plain = closed_form(FIGURE_1)
    rising = closed_form(GlftParameters(sigma=0.3, arrival_rate=0.9, decay=0.3, risk_aversion=0.01, drift=0.001))
    assert rising.bid_offset(0) < plain.bid_offset(0)
    assert rising.ask_offset(0) > plain.ask_offset(0)
    assert rising.inventory_shift == pytest.approx(0.001 / (0.01 * 0.09))
    toxic = closed_form(GlftParameters(sigma=0.3, arrival_rate=0.9, decay=0.3, risk_aversion=0.01, xi_impact=0.4))
    assert toxic.skew == pytest.approx(plain.skew * math.exp(0.3 * 0.4 / 4))
    assert toxic.half_spread - toxic.skew / 2 == pytest.approx(plain.half_spread - plain.skew / 2 + 0.2)


def test_gueant_with_one_lot_and_xi_gamma_is_glft() -> None:
    line = closed_form(FIGURE_1)
    other = gueant_2017(sigma=0.3, arrival_rate=0.9, decay=0.3, risk_aversion=0.01, order_size=1, xi_risk=0.01)
    assert (other.half_spread, other.skew) == pytest.approx((line.half_spread, line.skew), rel=1e-12)


def test_gueant_model_b_is_the_limit_of_small_xi() -> None:
    common = {"sigma": 0.3, "arrival_rate": 0.9, "decay": 0.3, "risk_aversion": 0.01, "order_size": 2.0}
    limit, small = gueant_2017(xi_risk=0.0, **common), gueant_2017(xi_risk=1e-9, **common)
    assert (small.half_spread, small.skew) == pytest.approx((limit.half_spread, limit.skew), rel=1e-8)
    assert limit.half_spread - limit.skew == pytest.approx(1 / 0.3)


@given(
    sigma=st.floats(0.05, 2),
    arrival_rate=st.floats(0.05, 5),
    decay=st.floats(0.1, 3),
    risk_aversion=st.floats(0.001, 0.5),
    inventory=st.integers(-9, 9),
)
def test_longer_means_lower_quotes(
    sigma: float, arrival_rate: float, decay: float, risk_aversion: float, inventory: int
) -> None:
    parameters = GlftParameters(sigma=sigma, arrival_rate=arrival_rate, decay=decay, risk_aversion=risk_aversion)
    for quotes in (closed_form(parameters), asymptotic(parameters, 10)):
        assert quotes.bid_offset(inventory) >= quotes.bid_offset(inventory - 1)
        assert quotes.ask_offset(inventory) <= quotes.ask_offset(inventory - 1)
        assert quotes.bid_offset(inventory) == pytest.approx(quotes.ask_offset(-inventory), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", ["sigma", "arrival_rate", "decay", "risk_aversion"])
@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_values_outside_the_domain_are_refused(name: str, value: float) -> None:
    values = {"sigma": 0.3, "arrival_rate": 0.9, "decay": 0.3, "risk_aversion": 0.01} | {name: value}
    with pytest.raises(ValueError, match=name):
        GlftParameters(**values)
    with pytest.raises(ValueError, match=name):
        gueant_2017(order_size=1, xi_risk=0, **values)


def test_other_guards() -> None:
    good = {"sigma": 0.3, "arrival_rate": 0.9, "decay": 0.3, "risk_aversion": 0.01}
    with pytest.raises(ValueError, match="drift"):
        GlftParameters(**good, drift=math.nan)
    with pytest.raises(ValueError, match="xi_impact"):
        GlftParameters(**good, xi_impact=-0.1)
    with pytest.raises(ValueError, match="xi_risk"):
        gueant_2017(**good, order_size=1, xi_risk=-1)
    with pytest.raises(ValueError, match="inventory_max"):
        exact(FIGURE_1, 0, 600)
    with pytest.raises(ValueError, match="time_left"):
        exact(FIGURE_1, 3, 0)
