"""Words of the command line as fields: decimals become ticks, lots and units, and what does not fit is named."""

import time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.commands import Batch, Deposit, PlaceOrder, SetLevels
from common.exchange.intake import COMMANDS, read_command
from common.exchange.margin.commands import SetLeverage, SetMarginMode
from common.exchange.queries.table import QUERIES
from services.console.exchange.fields import COMMAND_WORDS, kebab, read_words
from services.console.exchange.units import Grid, Unreadable, moment, spoken, to_integer, to_text, unit_of

GRIDS = {"ETH-USDT": Grid(Decimal("0.01"), Decimal("0.0001")), "BTC-USDT": Grid(Decimal("0.5"), Decimal("0.001"))}
ORDER = ["account=alice", "symbol=ETH-USDT", "side=buy", "quantity=0.5"]


def refused(kind: Any, *words: str) -> str:
    with pytest.raises(Unreadable) as caught:
        read_words(kind, list(words), GRIDS)
    return str(caught.value)


def test_decimals_become_integers_of_the_market():
    fields = read_words(PlaceOrder, [*ORDER, "price=2400.25", "client_order_id=7", "post_only=yes"], GRIDS)
    assert fields == {
        "account": "alice", "symbol": "ETH-USDT", "side": "buy", "quantity_lots": 5_000, "price_ticks": 240_025,
        "client_order_id": "7", "post_only": True,
    }  # fmt: skip
    other = [word.replace("ETH", "BTC") for word in ORDER]
    assert read_words(PlaceOrder, [*other, "price=2400.5"], GRIDS)["price_ticks"] == 4_801


def test_under_their_own_names_prices_and_quantities_are_integers():
    fields = read_words(PlaceOrder, [*ORDER[:3], "quantity_lots=5", "price_ticks=7"], GRIDS)
    assert (fields["quantity_lots"], fields["price_ticks"]) == (5, 7)
    assert "steps of 1" in refused(PlaceOrder, *ORDER, "price_ticks=7.5")


def test_money_is_a_decimal_of_any_asset():
    words = ["account=alice", "asset=USDT"]
    assert read_words(Deposit, [*words, "units=100.5"], GRIDS)["units"] == 10_050_000_000
    assert read_words(Deposit, [*words, "units=-1e-8"], {})["units"] == -1
    assert "0.00000001" in refused(Deposit, *words, "units=0.000000001")


def test_a_name_for_an_order_is_made_up_when_nobody_says_one():
    names = {read_words(PlaceOrder, ORDER, GRIDS)["client_order_id"] for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("console-") for name in names)


def test_values_without_names_are_the_next_fields():
    assert read_words(SetLeverage, ["alice", "ETH-USDT", "5"], GRIDS) == {
        "account": "alice", "symbol": "ETH-USDT", "leverage": 5,
    }  # fmt: skip
    assert read_words(Deposit, ["asset=USDT", "alice", "5"], GRIDS)["units"] == 5 * 10**8
    assert read_words(QUERIES["book"].arguments, ["ETH-USDT", "depth=5"], GRIDS) == {"symbol": "ETH-USDT", "depth": 5}
    assert "too many" in refused(QUERIES["state_hash"].arguments, "now")


def test_maps_are_json_or_dotted_names():
    dotted = read_words(PlaceOrder, [*ORDER, "trigger.kind=stop-loss", "trigger.price=2500"], GRIDS)
    as_json = read_words(PlaceOrder, [*ORDER, 'trigger={"kind": "stop_loss", "price": 2500.00}'], GRIDS)
    assert dotted["trigger"] == as_json["trigger"] == {"kind": "stop_loss", "price_ticks": 250_000}


def test_a_batch_is_json_with_words_as_the_console_has_them():
    items = """[{"type": "place-order", "account": "a", "symbol": "ETH-USDT", "side": "sell", "quantity": "0.1",
                 "price": 2400.1}, {"type": "CancelOrder", "account": "a", "symbol": "ETH-USDT", "order_id": 4}]"""
    fields = read_words(Batch, [f"items={items}", "atomic=no"], GRIDS)
    made = read_command("Batch", fields, 1)
    assert isinstance(made, Batch) and isinstance(made.items[0], PlaceOrder)
    assert (made.items[0].price_ticks, made.items[0].quantity_lots, made.items[1].time_ns) == (240_010, 1_000, 0)


def test_levels_are_pairs_of_price_and_quantity():
    fields = read_words(SetLevels, ["symbol=ETH-USDT", "bids=[[2400.5, 1.5], [2400, 0]]", "asks=[]"], GRIDS)
    assert fields == {"symbol": "ETH-USDT", "bids": [[240_050, 15_000], [240_000, 0]], "asks": []}


def test_times_are_durations_from_now_or_nanoseconds():
    now_ns = time.time_ns()
    expires = read_words(PlaceOrder, [*ORDER, "price=1", "expires=+60s"], GRIDS)["expires_ns"]
    assert 59 * 10**9 < expires - now_ns < 70 * 10**9
    assert read_words(PlaceOrder, [*ORDER, "price=1", "expires_ns=17"], GRIDS)["expires_ns"] == 17
    assert to_integer("1.5h", unit_of("lock_up_ns"), None) == 5_400 * 10**9


@pytest.mark.parametrize(
    ("kind", "words", "says"),
    [
        (SetLeverage, ["account=a", "symbol=ETH-USDT", "leverage=five"], "leverage: expected an integer, got 'five'"),
        (SetLeverage, ["account=a", "symbol=ETH-USDT"], "leverage is missing"),
        (SetLeverage, ["account=a", "symbol=X", "leverage=5"], "symbol: expected one of ETH-USDT, BTC-USDT, got 'X'"),
        (SetLeverage, ["account=a", "symbl=X"], "symbl: no such field; did you mean symbol?"),
        (SetLeverage, ["account=a", "account=b"], "account is said twice"),
        (SetLeverage, ["account=a", "symbol=ETH-USDT", "leverage=99999999999999999999"], "64 bits"),
        (SetLeverage, ["account=a", "symbol=ETH-USDT", "leverage=5", "time_ns=5"], "no such field"),
        (SetMarginMode, ["account=a", "symbol=ETH-USDT", "isolated=maybe"], "isolated: expected true or false"),
        (PlaceOrder, ["account=a", "side=buy", "quantity=1"], "quantity: lots of which market?"),
        (PlaceOrder, [*ORDER, "price=2400.255"], "price: expected a price in steps of 0.01, got '2400.255'"),
        (PlaceOrder, [*ORDER, "price=nan"], "price: expected a price"),
        (PlaceOrder, [*ORDER, "side=long"], "side is said twice"),
        (PlaceOrder, [*ORDER, "quantity_lots=3"], "said twice, in two units"),
        (PlaceOrder, [*ORDER, "link=grid:7"], "link: no such field"),
        (PlaceOrder, [*ORDER, "trigger=5"], "trigger: expected a map"),
        (PlaceOrder, [*ORDER, "trigger={"], "as JSON"),
        (PlaceOrder, [*ORDER, "trigger.kind=x"], "trigger.kind: expected one of stop_loss, take_profit, trailing"),
        (PlaceOrder, [*ORDER, "trigger.price=5"], "trigger.kind is missing"),
        (Batch, ['items=[{"type": "set-mark"}]'], "items[0]: expected a map whose type is one of PlaceOrder"),
        (Batch, ["items=7"], "items[0]: expected a map"),
    ],
)
def test_what_does_not_fit_is_named(kind: Any, words: list[str], says: str):
    assert says in refused(kind, *words)


def test_every_command_has_its_word():
    assert len(COMMAND_WORDS) == len(COMMANDS)
    assert (kebab("SetLeverage"), COMMAND_WORDS["move-isolated-margin"]) == ("set-leverage", "MoveIsolatedMargin")


def test_names_for_people():
    names = {
        "price_ticks": "price", "quantity_lots": "quantity", "lots": "quantity", "open_lots": "open_quantity",
        "units": "units", "equity_units": "equity", "deposit_units_min": "deposit_min", "lock_up_ns": "lock_up",
        "time_ns": "time", "leverage": "leverage", "position_lots_max": "position_quantity_max", "ticks": "price",
        "tick_lots": "tick_lots",
    }  # fmt: skip
    assert {name: spoken(name) for name in names} == names


@given(st.sampled_from(["price_ticks", "quantity_lots", "units"]), st.integers(-(2**63), 2**63))
def test_numbers_come_back_as_they_were(name: str, number: int):
    unit, grid = unit_of(name), GRIDS["ETH-USDT"]
    assert to_integer(to_text(number, unit, grid), unit, grid) == number


def test_moments():
    assert moment(1_704_412_800_123_456_789) == "2024-01-05T00:00:00.123Z"
    assert [moment(each * 10**9) for each in (0, 90, 3_600, 86_400)] == ["", "90s", "1h", "1d"]
    assert to_text(12_500, unit_of("funding_rate"), None) == "0.00125 %"
