"""Ratios beside what the exchange knows of an account."""

import pytest

from common.exchange.analytics.equity import HOUR_NS
from common.exchange.queries.table import answer
from services.paper_exchange.ratios import with_ratios
from tests.unit.exchange.desk import BUY, SELL, Desk


def asked(desk: Desk, question: str, **arguments: str) -> dict:  # type: ignore[type-arg]
    return with_ratios(question, answer(desk.exchange, question, arguments))


def test_an_accounts_record_has_its_ratios() -> None:
    desk = Desk()
    desk.place("you", "s", SELL, 10_000, 100_000)
    desk.place("me", "b", BUY, 10_000, 100_000)
    for hour, price in enumerate((10_000, 11_000, 10_500), start=1):
        desk.mark(price)
        desk.wait_until(hour * HOUR_NS)
    found = asked(desk, "performance", account="me", asset="USDT")
    before, high, low = found["hours"]
    assert found["by_hour"]["periods"] == 2
    assert found["by_hour"]["total_return"] == pytest.approx(low / before - 1)
    assert found["by_hour"]["drawdown_max"] == pytest.approx(low / high - 1)
    assert found["by_hour"]["sharpe"] is not None
    assert found["by_hour"]["sharpe_year"] is None, "two hours are no year"
    assert found["by_hour"]["win_rate"] is None
    assert found["by_day"]["periods"] == 0


def test_other_answers_stay_what_they_are() -> None:
    desk = Desk()
    desk.place("you", "s", SELL, 10_000, 5)
    assert asked(desk, "day", symbol="ETH-USDT") == answer(desk.exchange, "day", {"symbol": "ETH-USDT"})


def test_sums_that_come_as_text_count_too() -> None:
    found = {
        "total": {"wins": "3", "losses": 1},
        "hours": [1, str(2**70)],
        "hours_flows": [0, 0],
        "days": [],
        "days_flows": [],
    }
    joined = with_ratios("performance", found)
    assert joined["by_hour"]["win_rate"] == 0.75
    assert joined["by_hour"]["total_return"] == pytest.approx(2.0**70 - 1)
