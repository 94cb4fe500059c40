"""Answers and events for people: decimals, aligned columns, nothing that says nothing."""

from decimal import Decimal

from services.console.exchange.tables import draw, event_line
from services.console.exchange.units import Grid

GRIDS = {"ETH-USDT": Grid(Decimal("0.01"), Decimal("0.001"))}


def test_rows_are_aligned_and_empty_columns_left_out():
    rows = [
        {"symbol": "ETH-USDT", "price_ticks": 240_000, "open_lots": 1_500, "reason": "", "is_waiting": False},
        {"symbol": "ETH-USDT", "price_ticks": 99_950, "open_lots": 10, "reason": "", "is_waiting": False},
    ]
    assert draw({"items": rows, "left_off": 3}, GRIDS) == [
        "symbol    price  open_quantity",
        "ETH-USDT   2400            1.5",
        "ETH-USDT  999.5           0.01",
        "(3 more are left off)",
    ]
    assert draw({"items": rows[:1], "left_off": 0}, GRIDS, {"symbol": "ETH-USDT"})[0] == "price  open_quantity"
    assert draw({"items": [], "left_off": 0}, GRIDS) == ["(none)"]


def test_a_map_shows_its_figures_then_what_is_inside():
    answer = {
        "symbol": "ETH-USDT", "wallet_units": -150_000_000, "is_healthy": True, "isolated_units": None,
        "bids": [{"price_ticks": 5, "quantity_lots": 1}], "rules": {"leverage_max": 5}, "rooms": [],
        "limits": {},
    }  # fmt: skip
    assert draw(answer, GRIDS) == [
        "symbol      ETH-USDT", "wallet      -1.5", "is_healthy  yes", "isolated    -",
        "", "bids", "  price  quantity", "   0.05     0.001",
        "", "rules", "  leverage_max  5",
        "", "rooms", "  (none)", "", "limits", "  (none)",
    ]  # fmt: skip


def test_an_event_is_one_line_with_the_units_of_its_market():
    placed = {
        "type": "OrderPlaced", "time_ns": 5, "order_id": 3, "price_ticks": 240_000,
        "terms": {"type": "PlaceOrder", "time_ns": 5, "symbol": "ETH-USDT", "price_ticks": 250_000, "quantity_lots": 10,
                  "trigger": None},
    }  # fmt: skip
    assert event_line(placed, GRIDS) == "OrderPlaced  order_id=3 price=2400 symbol=ETH-USDT quantity=0.01"
    trade = {"type": "T", "symbol": "ETH-USDT", "maker": {"fee_units": 125_000_000, "account": "a b"}}
    assert event_line(trade, GRIDS) == "T  symbol=ETH-USDT maker.fee=1.25 maker.account='a b'"


def test_without_a_market_ticks_and_lots_stay_what_they_are():
    assert event_line({"type": "T", "lots": 10, "price_ticks": 5}, GRIDS) == "T  lots=10 price_ticks=5"
    rows = [{"ladder": {"lots": 10}, "lots": 5, "fee_units": 5 * 10**8}]
    assert draw({"items": rows, "left_off": 0}, GRIDS) == ["ladder   lots  fee", "lots=10     5    5"]


def test_maps_by_market_have_the_units_of_each_market():
    answer = {"position_lots_max": {"ETH-USDT": 1_500}, "markets": {"ETH-USDT": {"lots": 10, "hedge_symbol": ""}}}
    assert draw(answer, GRIDS) == [
        "position lots max", "  ETH-USDT  1.5",
        "", "markets", "  ETH-USDT", "    quantity      0.01", "    hedge_symbol",
    ]  # fmt: skip
    assert event_line({"type": "T", "terms": {"hedge_symbol": "ETH-USDT", "lots": 10}}, GRIDS).endswith("quantity=0.01")


def test_lists_of_prices_are_decimals():
    assert draw({"symbol": "ETH-USDT", "levels": [5, 10], "days": [1, 2]}, GRIDS)[1:] == [
        "", "levels", "  0.05, 0.1", "", "days", "  1, 2",
    ]  # fmt: skip
    assert event_line({"type": "T", "symbol": "ETH-USDT", "levels": [5]}, GRIDS) == "T  symbol=ETH-USDT levels=0.05"
