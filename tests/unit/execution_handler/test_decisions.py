"""The pure parts: joining reports, judging silence, giving up an order."""

from itertools import permutations
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from common.messages import ExecutionReported, SubmitOrder
from common.model.order import OrderState, Side
from common.venues.backoff import Backoff
from services.execution_handler.config import ExecutionHandlerConfig
from services.execution_handler.dead_man import REPEAT_NS, DeadMan
from services.execution_handler.latency import Durations
from services.execution_handler.order_table import OrderTable
from services.execution_handler.resolution import Resolution

ORDER = SubmitOrder(
    client_order_id="cw-1", strategy="mm", venue="binance", symbol="ETH-USDT", side=Side.BUY, price_ticks=10,
    quantity_lots=5, expires_at_ns=0,
)  # fmt: skip
REPORT = ExecutionReported(
    client_order_id="cw-1", venue="binance", symbol="ETH-USDT", state=OrderState.OPEN, filled_lots=0,
    event_time_ns=1, received_ns=1, venue_order_id="7",
)  # fmt: skip


def test_reports_in_any_order_end_in_the_same_state() -> None:
    reports = [
        replace(REPORT, state=OrderState.UNKNOWN, venue_order_id="", sent_ns=3),
        replace(REPORT, sent_ns=3),
        replace(REPORT, state=OrderState.PARTIALLY_FILLED, filled_lots=2),
        replace(REPORT, state=OrderState.CANCELED, filled_lots=2),
    ]
    for arranged in permutations(reports):
        table = OrderTable(10)
        table.add(ORDER, "binance")
        for report in arranged:
            tracked, _ = table.take(report)
        assert (tracked.report.state, tracked.report.filled_lots) == (OrderState.CANCELED, 2)
        assert (tracked.report.venue_order_id, tracked.report.sent_ns) == ("7", 3)


def test_proof_of_an_order_takes_a_verdict_back() -> None:
    table = OrderTable(10)
    table.take(replace(REPORT, state=OrderState.REJECTED, venue_order_id=""))
    tracked, is_news = table.take(REPORT)
    assert is_news and tracked.report.state is OrderState.OPEN
    _, is_news = table.take(REPORT)
    assert not is_news


def test_live_orders_are_never_forgotten() -> None:
    table = OrderTable(3)
    table.take(replace(REPORT, client_order_id="live"))
    for number in range(10):
        table.take(replace(REPORT, client_order_id=f"done-{number}", state=OrderState.FILLED))
    assert len(table) == 3 and [each.report.client_order_id for each in table.live()] == ["live"]
    assert table.find("done-9") is not None and table.find("done-0") is None
    assert table.name_of("ETH-USDT", "7") == "done-9"


def test_dead_man_fires_once_repeats_while_something_rests_and_is_rearmed() -> None:
    watch = DeadMan(2.0)
    assert not watch.check(float("inf"), True, 0), "no oms yet: start-up has cancelled everything"
    assert not watch.check(0.5, True, 0)
    assert watch.check(2.1, False, 0)
    assert not watch.check(2.2, False, REPEAT_NS)
    assert watch.check(3.2, True, 2 * REPEAT_NS) and not watch.check(3.3, True, 2 * REPEAT_NS + 1)
    assert not watch.check(0.1, True, 3 * REPEAT_NS)
    assert watch.check(2.1, True, 3 * REPEAT_NS + 1)


def test_denial_counts_only_after_the_window_and_over_the_grace() -> None:
    resolution = Resolution(1_000, 3, 100, 60, Backoff(Random(1)))
    assert not resolution.on_missing(500)
    assert not resolution.on_missing(1_000)
    assert not resolution.on_missing(1_001)
    assert not resolution.on_missing(1_010)
    assert not resolution.on_missing(1_050), "three denials, and the grace is not over"
    assert resolution.on_missing(1_101)


def test_questions_are_bounded() -> None:
    resolution = Resolution(0, 3, 100, 4, Backoff(Random(1)))
    waits = []
    while not resolution.is_exhausted:
        waits.append(resolution.next_wait_s())
    assert len(waits) == 4 and waits[0] == 0.0


def test_quantiles() -> None:
    durations = Durations()
    assert durations.quantile(0.5) == -1.0
    for value in range(1, 101):
        durations.add(value)
    assert (durations.quantile(0.5), durations.quantile(0.99), durations.quantile(1.0)) == (51.0, 100.0, 100.0)


def test_config_refuses_nonsense() -> None:
    for bad in (
        {"recv_window_ms": 0}, {"recv_window_ms": 70_000}, {"lost_after_tries": 1}, {"connections_warm": 99},
        {"request_timeout_s": -1.0}, {"resolve_first_s": 9.0}, {"more": 1},
    ):  # fmt: skip
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, ExecutionHandlerConfig)
