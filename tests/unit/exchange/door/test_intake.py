"""From names and maps to commands: what fits becomes one, all else is an error that names the field."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.exchange.catalogue import AnyCommand, OrderCommand
from common.exchange.commands import Batch, CancelOrder, Deposit, PlaceOrder, SetLevels, Trigger, TriggerKind
from common.exchange.events import BatchRejected, CancelRejected, CommandRefused, OrderRejected
from common.exchange.intake import (
    ADMIN_KINDS,
    COMMANDS,
    TEXT_LENGTH_MAX,
    check_world,
    is_admins,
    read_command,
    refusal_of,
)
from common.exchange.margin.commands import SetLeverage
from common.exchange.terms import summary, terms_of
from common.model.errors import CommandInvalid
from common.model.order import Side
from tests.unit.exchange.desk import BUY, ETH, Desk

ORDER: dict[str, Any] = {
    "account": "me", "symbol": "ETH-USDT", "client_order_id": "1", "side": "buy", "quantity_lots": 10,
    "price_ticks": 100,
}  # fmt: skip
LEVERAGE: dict[str, Any] = {"account": "me", "symbol": "X-PERP", "leverage": 5}


def refused(kind: str, fields: dict[str, Any]) -> CommandInvalid:
    with pytest.raises(CommandInvalid) as caught:
        read_command(kind, fields, 7)
    return caught.value


def test_fields_become_a_command_at_the_venues_time():
    assert read_command("SetLeverage", LEVERAGE, 7) == SetLeverage(time_ns=7, **LEVERAGE)
    trigger = {"kind": "stop_loss", "price_ticks": 90}
    made = read_command("PlaceOrder", ORDER | {"trigger": trigger, "nonce": 3, "by": "you"}, 7)
    assert isinstance(made, PlaceOrder)
    assert (made.side, made.nonce, made.by) == (Side.BUY, 3, "you")
    assert made.trigger == Trigger(kind=TriggerKind.STOP_LOSS, price_ticks=90)


def test_a_batch_has_commands_inside():
    cancel = {"type": "CancelOrder", "account": "me", "symbol": "ETH-USDT", "order_id": 4}
    made = read_command("Batch", {"items": [{"type": "PlaceOrder"} | ORDER, cancel]}, 7)
    assert isinstance(made, Batch)
    assert [type(each) for each in made.items] == [PlaceOrder, CancelOrder]


def test_every_command_of_the_catalogue_can_be_said():
    assert set(COMMANDS.values()) == set(AnyCommand.__args__)
    for kind in COMMANDS.values():
        assert summary(kind), f"{kind.__name__} has no docstring"
        assert all(term.expected for term in terms_of(kind).values())


def test_nobody_but_the_operator_speaks_for_the_world_or_the_venue():
    assert {kind.__name__ for kind in ADMIN_KINDS} >= {"SetMark", "SetLevels", "PassTime", "ExpireOpenOrders"}
    assert not ADMIN_KINDS & set(OrderCommand.__args__)
    assert is_admins(read_command("SetMark", {"symbol": "X", "price_ticks": 1}, 7))
    assert is_admins(read_command("SetLeverage", LEVERAGE | {"account": "treasury"}, 7))
    assert not is_admins(read_command("SetLeverage", LEVERAGE, 7))
    for kind in COMMANDS.values():
        assert kind in ADMIN_KINDS or kind is Batch or "account" in terms_of(kind), f"whose is {kind.__name__}?"


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"leverage": "5"}, "leverage", "an integer"),
        ({"leverage": 5.0}, "leverage", "an integer"),
        ({"leverage": float("nan")}, "leverage", "an integer"),
        ({"leverage": True}, "leverage", "an integer"),
        ({"leverage": None}, "leverage", "an integer"),
        ({"symbol": 5}, "symbol", "text"),
        ({"lever": 5}, "lever", "one of by, nonce, account, symbol, leverage"),
        ({"time_ns": 5}, "time_ns", "nothing: the venue sets it"),
        ({"type": "SetLeverage"}, "type", "nothing: the venue sets it"),
        (
            {"account": ""},
            "account",
            "1 to 32 letters, digits, _ or - (of a vault after vault/, of a pool after pool/)",
        ),
        ({"account": "a/b"}, "account", "1 to 32 letters"),
        ({"account": "x" * 33}, "account", "1 to 32 letters"),
        ({"account": "vault/"}, "account", "1 to 32 letters"),
        ({"account": "ä"}, "account", "1 to 32 letters"),
        ({"symbol": "x" * (TEXT_LENGTH_MAX + 1)}, "symbol", f"at most {TEXT_LENGTH_MAX} characters"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], field: str, expected: str):
    error = refused("SetLeverage", LEVERAGE | change)
    assert (error.what, error.where) == (field, "SetLeverage") and error.expected.startswith(expected)


def test_a_missing_field_is_named():
    error = refused("SetLeverage", {"account": "me"})
    assert (error.what, error.expected, error.got) == ("symbol", "text", "nothing")


@pytest.mark.parametrize(
    ("change", "field", "expected"),
    [
        ({"side": "long"}, "side", "one of buy, sell"),
        ({"trigger": {"kind": "stop"}}, "trigger.kind", "one of stop_loss, take_profit, trailing"),
        ({"trigger": {"kind": "stop_loss", "prise": 1}}, "trigger.prise", "one of kind, reference"),
        ({"trigger": [1]}, "trigger", "a map of kind, reference"),
        ({"budget": "much"}, "budget", "an integer, or nothing"),
    ],
)
def test_what_does_not_fit_inside_is_named(change: dict[str, Any], field: str, expected: str):
    error = refused("PlaceOrder", ORDER | change)
    assert error.what == field and error.expected.startswith(expected)


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([ORDER], "items[0].type"),
        ([{"type": "SetMark"}], "items[0].type"),
        ([{"type": "PlaceOrder"} | ORDER | {"side": 4}], "items[0].side"),
        ([{"type": "PlaceOrder"} | ORDER | {"time_ns": 4}], "items[0].time_ns"),
        ([{"type": "PlaceOrder"} | ORDER | {"colour": "red"}], "items[0].colour"),
        ([{"type": "PlaceOrder"} | ORDER | {"account": "/"}], "items[0].account"),
        ([4], "items[0]"),
        (4, "items"),
    ],
)
def test_what_does_not_fit_in_a_batch_is_named(items: Any, field: str):
    assert refused("Batch", {"items": items}).what == field


def test_an_unknown_command_is_told_what_is_near():
    assert "SetLeverage" in refused("SetLevrage", {}).expected
    assert refused("", {}).what == "command"


@given(st.text(max_size=8) | st.sampled_from(sorted(COMMANDS)), st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["account", "symbol", "items", "type", "units", "side", "bids", "trigger", "price_ticks", "leverage", "kind"]
    ) | st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_rubbish_is_a_command_or_a_typed_error(kind: str, fields: Any):
    try:
        made = read_command(kind, fields if isinstance(fields, dict) else {"items": fields}, 7)
    except CommandInvalid as error:
        assert str(error)
    else:
        msgspec.msgpack.encode(made)


@pytest.mark.parametrize(
    ("levels", "field"),
    [([(0, 1)], "bids[0]"), ([(5, 1), (-1, 1)], "bids[1]"), ([(5, -1)], "bids[0]"), ([(2**63, 1)], "bids[0]"),
     ([(2**40, 2**40)], "bids[0]")],
)  # fmt: skip
def test_levels_of_the_world_have_prices_and_sizes_that_can_be(levels: list[tuple[int, int]], field: str):
    command = SetLevels(time_ns=1, symbol=ETH.symbol, bids=levels, asks=[])
    with pytest.raises(CommandInvalid) as caught:
        check_world(command, Desk().exchange.ledger.scales)
    assert caught.value.what == field
    check_world(SetLevels(time_ns=1, symbol=ETH.symbol, bids=[(5, 0)], asks=[]), Desk().exchange.ledger.scales)


def test_a_refusal_is_found_among_what_happened():
    desk = Desk()
    good, bad = read_command("PlaceOrder", ORDER, 7), read_command("PlaceOrder", ORDER | {"price_ticks": 0}, 7)
    assert refusal_of(good, desk.execute(good)) is None
    assert isinstance(refusal_of(good, desk.execute(good)), OrderRejected), "the same name again"
    assert isinstance(refusal_of(bad, desk.execute(bad)), OrderRejected)
    for made, kind in (
        (CancelOrder(time_ns=7, account="me", symbol=ETH.symbol, order_id=99), CancelRejected),
        (Batch(time_ns=7, items=[]), BatchRejected),
        (Deposit(time_ns=7, account="fees", asset="USDT", units=1), CommandRefused),
    ):
        assert isinstance(refusal_of(made, desk.execute(made)), kind)


def test_a_refused_item_does_not_refuse_its_batch():
    desk = Desk()
    items = [desk.command(CancelOrder, account="me", order_id=99), desk.command(
        PlaceOrder, account="me", client_order_id="9", side=BUY, quantity_lots=10, price_ticks=100)]  # fmt: skip
    batch = Batch(time_ns=7, items=items)
    assert refusal_of(batch, desk.execute(batch)) is None
