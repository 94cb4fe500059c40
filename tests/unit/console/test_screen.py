"""The status screen from pictures, whole and with parts missing."""

import msgspec
import pytest

from common.messages import (
    BookImage,
    FeedStatusChanged,
    KillStateChanged,
    LpInventoryChanged,
    NetExposureChanged,
    PositionChanged,
    ProfitReported,
    QuotesUpdated,
    WorkingQuote,
)
from common.model.instrument import Instrument
from common.model.order import Side
from services.console.paint import Paint
from services.console.picture import Picture, ProcessPicture
from services.console.screen import WIDTH, draw, duration, range_bar
from services.console.site import RunRecord
from services.console.status import exit_code

NOW_NS = 1_700_000_000_000_000_000
ETH = msgspec.convert(
    {
        "venue": "binance",
        "symbol": "ETH-USDT",
        "venue_symbol": "ETHUSDT",
        "base": "ETH",
        "quote": "USDT",
        "tick_size": "0.01",
        "lot_size": "0.0001",
    },
    Instrument,
)


def _process(name: str, **changes: object) -> ProcessPicture:
    process = ProcessPicture(
        name=name, state="RUNNING", health="running", pid=4321, uptime_s=3723.0, heartbeat_age_s=0.4, restarts=0,
        rss_bytes=61_000_000, cpu_percent=2.5, details={"live_orders": 1},
    )  # fmt: skip
    return msgspec.structs.replace(process, **changes)


def _picture(**changes: object) -> Picture:
    picture = Picture(
        fleet="paper", config="configs/paper", taken_ns=NOW_NS, supervised=True,
        run=RunRecord(run_id="20231114T221320Z", started_ns=NOW_NS, config="c", flow="", seed=7),
        processes=[_process("paper_exchange-binance"), _process("oms")], instruments=[ETH],
        books=[BookImage(
            venue="binance", symbol="ETH-USDT", update_id=1, event_time_ns=NOW_NS, received_ns=NOW_NS - 45_000_000,
            bids=[(250_010, 12_000)], asks=[(250_012, 34_000)],
        )],
        feeds=[FeedStatusChanged(
            venue="binance", symbol="ETH-USDT", state="live", reason="", clock_offset_ns=0, gaps=1, resyncs=2,
            event_time_ns=NOW_NS, received_ns=NOW_NS,
        )],
        lp=_lp(), quotes=[_quotes()], positions=[_position()], exposure=_exposure(), profit=_profit(),
        kill=KillStateChanged(engaged=False, reason="", operator="", engaged_ns=0),
    )  # fmt: skip
    return msgspec.structs.replace(picture, **changes)


def _lp() -> LpInventoryChanged:
    return LpInventoryChanged(
        chain="paper", pool="ETH-USDC-500", block_number=77, block_hash="0xab", block_time_ns=NOW_NS,
        received_ns=NOW_NS, price=2500.0, tick=1, ranges=[], idle_base="0", idle_quote="0", base_total=10.5,
        quote_total=25_000.0, fees_base=0.001, fees_quote=2.5, price_lower=2400.0, price_upper=2600.0, delta=10.5,
        gamma=-0.02, reference=10.0, residual=0.5, delta_change=0.1, value_quote=51_250.0, provisional=False,
        rebalances=3, fees_collected_base=0.0, fees_collected_quote=0.0, gas_spent_native=0.01, state="in_range",
    )  # fmt: skip


def _quotes() -> QuotesUpdated:
    quote = WorkingQuote(client_order_id="cw-1", side=Side.SELL, price_ticks=250_013, quantity_lots=5000, state="open")
    return QuotesUpdated(
        venue="binance", symbol="ETH-USDT", state="quoting", reason="", mid_ticks=250_011.0,
        reservation_ticks=250_011.0, net_delta=0.02, quotes=[quote],
    )  # fmt: skip


def _position() -> PositionChanged:
    return PositionChanged(
        venue="binance", symbol="ETH-USDT", quantity_lots=-4800, cash="1200", fees="0", average_price=2500.1,
        mark_price=2500.0, realized_pnl=0.0, unrealized_pnl=0.0, fill_count=12, taker_fill_count=0,
        last_fill_sequence=12, reconciled_ns=NOW_NS, venue_difference_lots=0,
    )  # fmt: skip


def _exposure() -> NetExposureChanged:
    return NetExposureChanged(
        base="ETH", lp_delta=0.5, lp_gamma=-0.02, cefi_delta=-0.48, hedge_target=-0.5, net_delta=0.02,
        cefi_position_lots=-4800, cefi_target_lots=-5000, lp_age_ms=400.0, complete=True, reason="",
        trigger_received_ns=0,
    )  # fmt: skip


def _profit() -> ProfitReported:
    return ProfitReported(
        base="ETH", run_id="r", run_seconds=600.0, lp_fees=12.5, lp_inventory=-3.0, lp_against_hold=-1.0,
        hedge_trading=1.5, hedge_inventory=2.0, cefi_fees=0.5, gas=0.25, total=12.25, samples=600, net_delta_mean=0.0,
        net_delta_std=0.05, unhedged_delta_std=0.5, max_abs_net_delta=0.2, hedge_turnover=12_345.0,
    )  # fmt: skip


def test_the_whole_screen_says_what_an_operator_asks() -> None:
    text = draw(_picture(), Paint(False))
    for wanted in (
        "COUNTERWEIGHT paper  PAPER", "oms", "4321", "01:02:03", "0.4 s", "1.2 × 2500.10 │ 2500.12 × 3.4", "0.08 bp",
        "45 ms", "live", "gaps 1  resyncs 2", "2400.00 ├", "rebalances 3", "owns 10.5000 + 25,000.00",
        "fees owed 5.0000",
        "SELL 0.5 @ 2500.13 open", "position -0.4800", "fills 12 (0 taker)", "agrees with venue", "net +0.0200 ETH",
        "= 0.10", "+12.25 USD in 00:10:00", "gas -0.25", "kill    released",
    ):  # fmt: skip
        assert wanted in text, wanted
    assert "\x1b" not in text


def test_every_line_fits() -> None:
    for line in draw(_picture(), Paint(False)).splitlines():
        assert len(line) <= WIDTH, line


def test_parts_that_are_away_are_named() -> None:
    gone = _process("oms", state="BACKOFF", health="silent", pid=0, heartbeat_age_s=None, rss_bytes=None,
                    cpu_percent=None, details={}, restarts=4, uptime_s=0.0)  # fmt: skip
    picture = _picture(
        processes=[gone], books=[], feeds=[], lp=None, quotes=[], positions=[], exposure=None, profit=None
    )
    text = draw(picture, Paint(False))
    assert "BACKOFF" in text and "silent" in text and "unhealthy" in text
    for process in ("quote_server", "defi_lp", "market_maker", "position_server"):
        assert f"{process} does not answer" in text


def test_trouble_is_shown() -> None:
    text = draw(
        _picture(
            positions=[msgspec.structs.replace(_position(), venue_difference_lots=300)],
            exposure=msgspec.structs.replace(_exposure(), complete=False, reason="lp stale"),
            kill=KillStateChanged(engaged=True, reason="testing", operator="ann", engaged_ns=NOW_NS),
        ),
        Paint(False),
    )
    assert "DIFFERS from venue by +0.03" in text
    assert "incomplete: lp stale" in text
    assert "ENGAGED 22:13:20Z by ann: testing" in text


def test_colours_only_when_wanted() -> None:
    assert "\x1b[32m" in draw(_picture(), Paint(True))


def test_one_sided_book_is_drawn() -> None:
    book = msgspec.structs.replace(_picture().books[0], asks=[])
    assert "one side is empty" in draw(_picture(books=[book]), Paint(False))


@pytest.mark.parametrize(
    ("price", "bar"),
    [(0.0, "├●───────┤"), (0.5, "├────●───┤"), (1.0, "├───────●┤"), (-0.1, "● ├──────┤"), (1.1, "├──────┤ ●")],
)
def test_range_bar_marks_the_price(price: float, bar: str) -> None:
    assert range_bar(0.0, price, 1.0, width=10) == bar


def test_no_range_is_said() -> None:
    idle = msgspec.structs.replace(_lp(), price_lower=0.0, price_upper=0.0)
    assert "no range" in draw(_picture(lp=idle), Paint(False))


def test_wide_terminals_show_more_notes() -> None:
    busy = _picture(processes=[_process("oms", details={f"figure_{n}": n for n in range(20)})])
    assert "figure_7=7" in draw(busy, Paint(False), width=180)
    assert "figure_7=7" not in draw(busy, Paint(False))


def test_duration() -> None:
    assert [duration(each) for each in (0, 61, 86_399.9, 90_061)] == ["00:00:00", "00:01:01", "23:59:59", "1d 01:01:01"]


def test_exit_codes() -> None:
    assert exit_code(_picture()) == 0
    assert exit_code(_picture(processes=[_process("oms", heartbeat_age_s=None)])) == 1
    assert exit_code(_picture(processes=[_process("oms", state="STARTING")])) == 1
    assert exit_code(_picture(supervised=False)) == 69


def test_picture_is_json() -> None:
    data = msgspec.json.decode(msgspec.json.encode(_picture()))
    assert data["exposure"]["net_delta"] == 0.02 and data["processes"][1]["name"] == "oms"


def test_a_halted_lp_is_red_and_unhealthy() -> None:
    halted = msgspec.structs.replace(_lp(), state="halted", halted="nft_left")
    picture = _picture(lp=halted)
    text = draw(picture, Paint(enabled=True))
    assert "\x1b[31;1mhalted: nft_left" in text and exit_code(picture) == 1
    busy = draw(_picture(lp=msgspec.structs.replace(_lp(), state="closing", doing="revoking")), Paint(enabled=False))
    assert "closing (revoking)" in busy
