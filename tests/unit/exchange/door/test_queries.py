"""Questions to an exchange: every one answers with a map that msgpack holds, and looking changes nothing."""

from typing import Any

import msgspec
import pytest

from common.exchange.events import RejectReason
from common.exchange.margin.commands import FundInsurance, SetLeverage, SetMarginMode, SetOracle, SplitPosition
from common.exchange.queries import table
from common.exchange.queries.bounds import ROWS_MAX
from common.exchange.queries.table import QUERIES, answer, as_map, of_room
from common.exchange.refusal import Refused
from common.model.errors import CommandInvalid, RequestRefused
from tests.unit.exchange.margin.perpetual_desk import BUY, SELL, UNIT, PerpetualDesk


def traded_desk() -> PerpetualDesk:
    """a is long 3 at 1001, b short; a rests a bid of 5 at 900, isolated money is nobody's."""
    desk = PerpetualDesk("a", "b", taker_bps=10)
    desk.mark(1_000)
    desk.run(SetLeverage, account="a", symbol="X-PERP", leverage=4)
    desk.deal("a", "b", 1_001, 3)
    desk.place("a", BUY, 900, 5)
    return desk


def ask(desk: PerpetualDesk, name: str, **arguments: Any) -> dict[str, Any]:
    before = desk.exchange.state_hash()
    found = answer(desk.exchange, name, arguments)
    assert desk.exchange.state_hash() == before, "looking changed something"
    msgspec.msgpack.encode(found)
    return found


def test_a_margin_account_adds_up():
    margin = ask(traded_desk(), "margin", account="a", asset="USD")
    fee = 3_003 * UNIT // 1_000
    assert margin["wallet_units"] == 10_000 * UNIT - fee
    assert margin["equity_units"] == margin["wallet_units"] - 3 * UNIT
    # 8 lots at the mark of 1000, a quarter each; half of a tenth of the 3 that are there.
    assert (margin["initial_units"], margin["maintenance_units"]) == (2_000 * UNIT, 150 * UNIT)
    assert margin["available_units"] == margin["equity_units"] - margin["initial_units"]
    (position,) = margin["positions"]
    assert (position["entry_price"], position["lots"], position["leverage"]) == ("1001", 3, 4)
    assert (position["unrealised_units"], position["mark_ticks"], position["bid_lots"]) == (-3 * UNIT, 1_000, 5)
    assert position["isolated_units"] is None


def test_an_account_is_shown_whole():
    desk = traded_desk()
    account = ask(desk, "account", account="a")
    assert account["open_orders"] == 1 and account["nonce"] == 0
    assert account["balances"] == [{"asset": "USD", "free_units": 0, "locked_units": 0}
                                   | {"wallet_units": account["margin"][0]["wallet_units"]}]  # fmt: skip
    assert ask(desk, "positions", account="a")["items"] == account["margin"][0]["positions"]
    assert ask(desk, "balances", account="a")["items"] == account["balances"]


def test_a_position_that_is_not_open_shows_what_was_chosen_for_it():
    desk = PerpetualDesk("a")
    desk.run(SetMarginMode, account="a", symbol="X-PERP", isolated=True)
    (position,) = ask(desk, "positions", account="a")["items"]
    assert (position["lots"], position["entry_price"], position["isolated_units"]) == (0, "", 0)


def test_an_entry_price_is_rounded_only_when_it_is_shown():
    desk = traded_desk()
    desk.deal("a", "b", 1_000, 4)
    (position,) = ask(desk, "positions", account="a")["items"]
    assert position["entry_price"] == "1000.42857143" and position["cost_units"] == 7_003 * UNIT


def test_all_accounts_are_listed_with_the_venues_own():
    rows = {row["account"]: row for row in ask(traded_desk(), "accounts")["items"]}
    assert set(rows) == {"a", "b", "fees"}
    assert rows["a"]["positions"] == 1 and rows["a"]["open_orders"] == 1 and not rows["a"]["is_venues_own"]
    assert rows["fees"]["is_venues_own"]


def test_orders_open_and_ended():
    desk = traded_desk()
    (order,) = ask(desk, "orders", account="a")["items"]
    assert (order["side"], order["price_ticks"], order["open_lots"], order["state"]) == ("buy", 900, 5, "open")
    (ended,) = ask(desk, "orders", account="a", ended=True)["items"]
    assert (ended["state"], ended["filled_lots"], ended["open_lots"]) == ("filled", 3, 0)
    assert ask(desk, "orders", account="a", symbol="X-USD")["items"] == []
    assert ask(desk, "order", account="a", symbol="X-PERP", order_id=order["order_id"]) == order
    (fill,) = ask(desk, "fills", account="a")["items"]
    assert (fill["price_ticks"], fill["quantity_lots"], fill["maker"]) == (1_001, 3, False)


def test_markets_and_their_books():
    desk = traded_desk()
    rows = {row["symbol"]: row for row in ask(desk, "markets")["items"]}
    perpetual = rows["X-PERP"]
    assert (perpetual["is_perpetual"], rows["X-USD"]["is_perpetual"]) == (True, False)
    assert (perpetual["bid_ticks"], perpetual["ask_ticks"]) == (900, 0)
    assert (perpetual["mark_ticks"], perpetual["last_ticks"], perpetual["open_interest_lots"]) == (1_000, 1_001, 3)
    assert ask(desk, "book", symbol="X-PERP") == {
        "symbol": "X-PERP", "bids": [{"price_ticks": 900, "quantity_lots": 5, "orders": 1}], "asks": [],
    }  # fmt: skip
    desk.place("b", SELL, 1_100, 1)
    desk.place("b", SELL, 1_200, 1)
    assert [level["price_ticks"] for level in ask(desk, "book", symbol="X-PERP", depth=1)["asks"]] == [1_100]
    assert ask(desk, "rules", symbol="X-PERP")["perpetual"]["tiers"][0]["leverage_max"] == 10
    assert ask(desk, "rules", symbol="X-USD")["perpetual"] is None


def test_perpetuals_have_an_oracle_funding_parts_and_an_insurance():
    desk = traded_desk()
    desk.run(SetOracle, symbol="X-PERP", price_ticks=1_000)
    desk.run(SplitPosition, account="a", symbol="X-PERP", lots=1)
    desk.deposited += UNIT
    desk.run(FundInsurance, asset="USD", units=UNIT)
    funding = {row["symbol"]: row for row in ask(desk, "funding")["items"]}
    assert (funding["X-PERP"]["oracle_ticks"], funding["Y-PERP"]["oracle_ticks"]) == (1_000, 0)
    (part,) = ask(desk, "parts", account="a")["items"]
    assert (part["part"], part["lots"], part["entry_price"]) == ("1", 1, "1001")
    (position,) = ask(desk, "positions", account="a")["items"]
    assert (position["lots"], position["parted_lots"]) == (2, 1)
    rows = {row["symbol"]: row for row in ask(desk, "markets")["items"]}
    assert (rows["X-PERP"]["open_interest_lots"], rows["X-PERP"]["oracle_ticks"]) == (3, 1_000)
    assert ask(desk, "insurance")["items"] == [{"asset": "USD", "units": UNIT}]
    assert ask(desk, "liquidations")["items"] == []


def test_all_money_is_what_came_in():
    (usd,) = [row for row in ask(traded_desk(), "holdings")["items"] if row["asset"] == "USD"]
    assert usd["total_units"] == 20_000 * UNIT == usd["spot_units"] + usd["margin_units"]


def test_state_and_features():
    desk = traded_desk()
    assert ask(desk, "state_hash")["state_hash"] == desk.exchange.state_hash()
    assert ask(desk, "features")["features"]["vaults"] is True


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("account", {"account": "nobody"}, RejectReason.UNKNOWN_ACCOUNT),
        ("book", {"symbol": "Y"}, RejectReason.UNKNOWN_MARKET),
        ("book", {"symbol": "X-PERP", "depth": 0}, RejectReason.TERMS_INVALID),
        ("orders", {"account": "a", "limit": ROWS_MAX + 1}, RejectReason.TERMS_INVALID),
        ("orders", {"account": "a", "symbol": "Y"}, RejectReason.UNKNOWN_MARKET),
        ("order", {"account": "a", "symbol": "X-PERP", "order_id": 99}, RejectReason.UNKNOWN_ORDER),
    ],
)
def test_what_is_not_there_is_refused(name: str, arguments: dict[str, Any], reason: RejectReason):
    with pytest.raises(Refused) as caught:
        answer(traded_desk().exchange, name, arguments)
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("name", "arguments", "field"),
    [("boook", {}, "query"), ("book", {}, "symbol"), ("book", {"symbol": 1}, "symbol"),
     ("book", {"symbol": "X-PERP", "deep": 1}, "deep"), ("markets", {"a": 1}, "a")],
)  # fmt: skip
def test_a_question_that_cannot_be_understood_names_the_field(name: str, arguments: dict[str, Any], field: str):
    with pytest.raises(CommandInvalid) as caught:
        answer(traded_desk().exchange, name, arguments)
    assert caught.value.what == field


class Zoo:
    """A room as rooms are."""

    def animal(self, name: str, legs: int = 4) -> list[Any]:
        """What an animal has. More words."""
        if not legs:
            return None  # type: ignore[return-value]
        if legs < 0:
            return legs  # type: ignore[return-value]
        return [{"name": name, "legs": legs}]


def test_a_room_answers_through_one_line_of_the_table(monkeypatch: pytest.MonkeyPatch):
    query = of_room("zoo", "animal", Zoo.animal)
    assert query.meaning == "What an animal has" and query.arguments.__struct_fields__ == ("name", "legs")
    monkeypatch.setitem(table.QUERIES, "animal", query)
    desk = PerpetualDesk()
    with pytest.raises(Refused, match="no zoo"):
        answer(desk.exchange, "animal", {"name": "ant"})
    desk.exchange.rooms["zoo"] = Zoo()  # type: ignore[assignment]
    assert answer(desk.exchange, "animal", {"name": "ant", "legs": 6})["items"] == [{"name": "ant", "legs": 6}]
    assert answer(desk.exchange, "animal", {"name": "ant", "legs": -1}) == {"value": -1}
    with pytest.raises(RequestRefused, match="there is none with"):
        answer(desk.exchange, "animal", {"name": "ant", "legs": 0})


def test_long_lists_are_cut_and_say_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(QUERIES, "animal", table.of_exchange(many))
    found = answer(PerpetualDesk().exchange, "animal", {})
    assert len(found["items"]) == ROWS_MAX and found["left_off"] == 5


def many(exchange: object) -> list[dict[str, int]]:
    """Many rows."""
    return [{"row": row} for row in range(ROWS_MAX + 5)]


def test_numbers_that_msgpack_cannot_hold_become_text_or_nothing():
    assert as_map({"a": 2**64, "b": -(2**63) - 1, "c": 2**64 - 1, "d": float("inf"), "e": (1, 2**70)}) == {
        "a": str(2**64), "b": str(-(2**63) - 1), "c": 2**64 - 1, "d": None, "e": [1, str(2**70)],
    }  # fmt: skip
