"""The paper's own experiment: our 100,000-path values (models.md section 3) within three standard errors."""

import math

import numpy as np
import pytest

from common.pricing.avellaneda_stoikov import (
    frozen_inventory_prices,
    optimal_quotes,
    reservation_price,
    stationary_prices,
)

PATHS, STEPS, DT, SIGMA, ARRIVAL, DECAY = 4_000, 200, 0.005, 2.0, 140.0, 1.5

# risk aversion, uses inventory -> average spread, mean and deviation of profit, mean and deviation of final inventory
TABLE = {
    (0.1, True): (1.49, 64.87, 6.54, -0.01, 2.93),
    (0.1, False): (1.49, 68.24, 13.48, -0.07, 8.41),
    (0.01, True): (1.35, 68.38, 8.94, -0.01, 5.21),
    (0.01, False): (1.35, 68.68, 13.67, -0.05, 8.71),
    (1.0, True): (3.02, 31.45, 4.83, 0.00, 1.64),
    (1.0, False): (3.02, 43.90, 10.81, -0.01, 5.20),
}


def simulate(risk_aversion: float, uses_inventory: bool) -> tuple[np.ndarray, np.ndarray, float]:
    """Profit and final inventory of each path, and the average spread.

    The fill probability of a step is lambda dt, both sides may fill in one step, and the symmetric strategy keeps the
    AVERAGE spread throughout: the three rules without which the paper's table does not come out.
    """
    rng = np.random.default_rng(2008)
    lines = [
        optimal_quotes(sigma=SIGMA, decay=DECAY, risk_aversion=risk_aversion, time_left=1 - step * DT)
        for step in range(STEPS)
    ]
    # Linear in time, so the average is the value at half time.
    average_half = optimal_quotes(sigma=SIGMA, decay=DECAY, risk_aversion=risk_aversion, time_left=0.5).half_spread
    price, cash, inventory = np.full(PATHS, 100.0), np.zeros(PATHS), np.zeros(PATHS)
    for line in lines:
        if uses_inventory:
            bid, ask = line.half_spread + line.skew * inventory, line.half_spread - line.skew * inventory
        else:
            bid = ask = np.full(PATHS, average_half)
        bought = rng.random(PATHS) < ARRIVAL * np.exp(-DECAY * bid) * DT
        sold = rng.random(PATHS) < ARRIVAL * np.exp(-DECAY * ask) * DT
        cash += sold * (price + ask) - bought * (price - bid)
        inventory += bought.astype(float) - sold
        price = price + SIGMA * math.sqrt(DT) * rng.choice((-1.0, 1.0), PATHS)
    return cash + inventory * price, inventory, 2 * average_half


@pytest.mark.parametrize(("risk_aversion", "uses_inventory"), list(TABLE))
def test_table_of_the_paper(risk_aversion: float, uses_inventory: bool) -> None:
    spread, profit_mean, profit_std, inventory_mean, inventory_std = TABLE[risk_aversion, uses_inventory]
    profit, inventory, average_spread = simulate(risk_aversion, uses_inventory)
    assert average_spread == pytest.approx(spread, abs=0.0051)
    assert profit.mean() == pytest.approx(profit_mean, abs=3 * profit_std / math.sqrt(PATHS) + 0.005)
    assert inventory.mean() == pytest.approx(inventory_mean, abs=3 * inventory_std / math.sqrt(PATHS) + 0.005)
    # The standard error of a deviation is sqrt((kurtosis - 1) / 4n) of it; the sample gives the kurtosis.
    for values, expected in ((profit, profit_std), (inventory, inventory_std)):
        kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2
        assert values.std() == pytest.approx(expected, abs=3 * expected * math.sqrt((kurtosis - 1) / 4 / PATHS) + 0.005)


def test_inventory_strategy_trades_profit_for_less_risk() -> None:
    for risk_aversion in (0.1, 1.0):
        inventory_profit, inventory_left, _ = simulate(risk_aversion, True)
        symmetric_profit, symmetric_left, _ = simulate(risk_aversion, False)
        assert inventory_profit.mean() < symmetric_profit.mean()
        assert inventory_profit.std() < symmetric_profit.std()
        assert inventory_left.std() < symmetric_left.std()


def test_quotes_are_centred_on_the_reservation_price() -> None:
    line = optimal_quotes(sigma=2.0, decay=1.5, risk_aversion=0.1, time_left=0.5)
    centre = 100 + (line.ask_offset(3) - line.bid_offset(3)) / 2
    assert centre == pytest.approx(reservation_price(100, 3, sigma=2.0, risk_aversion=0.1, time_left=0.5))
    assert line.bid_offset(3) + line.ask_offset(3) == pytest.approx(0.1 * 4 * 0.5 + 20 * math.log(1 + 0.1 / 1.5))


def test_frozen_inventory_prices_surround_the_reservation_price() -> None:
    bid, ask = frozen_inventory_prices(100, 2, sigma=2.0, risk_aversion=0.1, time_left=1.0)
    assert (bid, ask) == pytest.approx((99.0, 99.4))
    assert (bid + ask) / 2 == pytest.approx(reservation_price(100, 2, sigma=2.0, risk_aversion=0.1, time_left=1.0))


def test_stationary_prices_close_the_side_at_the_bound() -> None:
    bid, ask = stationary_prices(100, 0, sigma=2.0, risk_aversion=0.1, inventory_max=10)
    assert (bid, ask) == pytest.approx((100 + math.log(1 - 1 / 121) / 0.1, 100 + math.log(1 + 1 / 121) / 0.1))
    with pytest.raises(ValueError, match="outside"):
        stationary_prices(100, 11, sigma=2.0, risk_aversion=0.1, inventory_max=10)


@pytest.mark.parametrize("name", ["sigma", "decay", "risk_aversion", "time_left"])
def test_values_outside_the_domain_are_refused(name: str) -> None:
    values = {"sigma": 2.0, "decay": 1.5, "risk_aversion": 0.1, "time_left": 1.0}
    for value in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match=name):
            optimal_quotes(**values | {name: value})
