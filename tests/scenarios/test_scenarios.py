"""All scenario files hold, wrong ones fail, unreadable ones are named, and random steps agree with a plain market."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from common.exchange.rules import MarketRules
from common.model.order import Side
from tests.scenarios.__main__ import main
from tests.scenarios.outcome import Outcome, Trade
from tests.scenarios.plain import PlainMarket
from tests.scenarios.play import play
from tests.scenarios.script import (
    AnyStep,
    Cancel,
    Expect,
    Limit,
    Market,
    Reduce,
    Replace,
    Scenario,
    ScriptInvalid,
    SetLast,
    read,
)
from tests.scenarios.venue import Venue

DATA = Path(__file__).with_name("data")
FILES = sorted(DATA.glob("*.json"))
SCENARIOS = [scenario for file in FILES for scenario in read(file)]
PUBLIC = [each for each in SCENARIOS if Path(each.file).stem in ("limit", "immediate", "change", "stop")]
SCENARIOS_MIN = 40
ROOT = Path(__file__).resolve().parents[2]


def _name(scenario: Scenario) -> str:
    return f"{Path(scenario.file).stem}: {scenario.name}"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_name)
def test_scenario_holds(scenario: Scenario) -> None:
    assert [str(failure) for failure in play(scenario, Venue)] == []


@pytest.mark.parametrize("scenario", PUBLIC, ids=_name)
def test_scenario_holds_in_the_plain_market(scenario: Scenario) -> None:
    assert [str(failure) for failure in play(scenario, lambda _rules: PlainMarket())] == []


def test_there_are_enough_and_each_expects_something() -> None:
    assert len(SCENARIOS) >= SCENARIOS_MIN
    assert len({_name(scenario) for scenario in SCENARIOS}) == len(SCENARIOS)
    assert all(any(step.expect is not UNSET for step in scenario.steps) for scenario in SCENARIOS)


WRONG: dict[str, Any] = {
    "status": lambda want, _: "filled" if want != "filled" else "resting",
    "reason": lambda want, _: f"{want}?",
    "trades": lambda want, _: want[:-1] if want else [(1, 2, 100, 1)],
    "filled": lambda want, _: {order: (lots, cost + 1) for order, (lots, cost) in want.items()},
    "bids": lambda want, _: [(price, lots, orders + 1) for price, lots, orders in want] or [(1, 1, 1)],
    "asks": lambda want, _: [(price, lots + 1, orders) for price, lots, orders in want] or [(1, 1, 1)],
    "orders": lambda want, _: (want[0], want[1] + 1),
    "volume": lambda want, _: (want[0] + 1, want[1]),
    "stops": lambda want, _: want + 1,
    "states": lambda want, _: {order: "resting" if state != "resting" else "filled" for order, state in want.items()},
    "last": lambda want, _: 1 if want is None else None,
}


def _wrong(scenario: Scenario) -> Iterator[tuple[int, str, Scenario]]:
    """The scenario with one expectation made wrong, for each of them."""
    for index, step in enumerate(scenario.steps):
        for key, spoil in WRONG.items() if step.expect is not UNSET else ():
            want = getattr(step.expect, key)
            if want is not UNSET:
                expect = msgspec.structs.replace(step.expect, **{key: spoil(want, step)})
                steps = list(scenario.steps)
                steps[index] = msgspec.structs.replace(step, expect=expect)
                yield index + 1, key, msgspec.structs.replace(scenario, steps=steps)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_name)
def test_every_wrong_expectation_fails(scenario: Scenario) -> None:
    for step, key, wrong in _wrong(scenario):
        assert [(each.step, each.key) for each in play(wrong, Venue)] == [(step, key)]


def test_all_keys_are_spoiled() -> None:
    assert set(WRONG) == set(Expect.__struct_fields__) - {"depth"}


def _file(folder: Path, *steps: Any, **top: Any) -> str:
    path = folder / "file.json"
    path.write_text(json.dumps({"format": 1, "scenarios": [{"name": "one", "steps": steps}]} | top))
    return str(path)


LIMIT = {"op": "limit", "id": 1, "side": "buy", "price": 100, "qty": 5, "tif": "GTC"}


def test_exit_codes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([_file(tmp_path, LIMIT | {"expect": {"status": "resting"}})]) == 0
    assert capsys.readouterr().out == "1 scenarios, 1 steps: 1 passed, 0 failed\n"
    file = _file(tmp_path, LIMIT | {"expect": {"status": "filled", "orders": [2, 0]}}, LIMIT)
    assert main([*map(str, FILES), file]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == [
        f'{file}: one: step 1 (limit): status: expected "filled", got "resting"',
        f"{file}: one: step 1 (limit): orders: expected [2,0], got [1,0]",
    ]
    assert printed[2].endswith(f"{len(SCENARIOS)} passed, 1 failed")


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (LIMIT | {"prize": 1}, ["step 2", "prize"]),
        (LIMIT | {"price": 1.5}, ["step 2", "price", "got 'float'"]),
        (LIMIT | {"qty": "5"}, ["step 2", "qty", "expected int, got 'str'"]),
        (LIMIT | {"side": "up"}, ["step 2", "side", "up"]),
        (LIMIT | {"tif": "GTT"}, ["step 2", "tif", "GTT"]),
        (LIMIT | {"protect": 1}, ["step 2", "protect"]),
        ({"op": "limit", "id": 1, "side": "buy", "qty": 5}, ["step 2", "price"]),
        ({"op": "explode"}, ["step 2", "explode"]),
        ({"id": 1}, ["step 2", "op"]),
        (LIMIT | {"expect": {"colour": 1}}, ["step 2", "colour"]),
        (LIMIT | {"expect": {"bids": [[100, 5]]}}, ["step 2", "bids"]),
        (LIMIT | {"expect": {"status": "happy"}}, ["step 2", "happy"]),
        (LIMIT | {"expect": {"depth": 0, "bids": []}}, ["step 2", "depth"]),
        ([], ["step 2"]),
    ],
)
def test_unreadable_steps_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], step: Any, words: list[str]
) -> None:
    file = _file(tmp_path, LIMIT, step)
    assert main([file]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert all(word in printed.err for word in [file, "scenario 1 (one)", *words]), printed.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["JSON"]),
        ("{", ["JSON"]),
        ("[]", ["expected object, got 'array'"]),
        ('{"format":2,"scenarios":[]}', ["format", "expected 1, got 2"]),
        ('{"scenarios":[]}', ["format"]),
        ('{"format":1,"scenarios":[],"more":1}', ["more"]),
        ('{"format":1,"scenarios":[{"steps":[]}]}', ["scenario 1", "name"]),
        ('{"format":1,"scenarios":[{"name":"a","steps":[],"rules":{"x":1}}]}', ["scenario 1 (a)", "x"]),
    ],
)
def test_unreadable_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: list[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(content)
    assert main([str(file)]) == 2
    printed = capsys.readouterr().err
    assert all(word in printed for word in [str(file), *words]), printed


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptInvalid, match=r"nowhere\.json"):
        read(tmp_path / "nowhere.json")


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    file = _file(tmp_path, LIMIT | {"expect": {"status": "canceled"}})
    done = subprocess.run([sys.executable, "-m", "tests.scenarios", file], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and 'expected "canceled", got "resting"' in done.stdout, done.stderr


IDS = st.integers(1, 60)
PRICES = st.integers(97, 103)
LOTS = st.integers(0, 9)
SIDES = st.sampled_from(Side)
USERS = st.sampled_from([None, 1, 2])
STOPS = st.none() | st.integers(97, 103)


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    """A limit order; a FOK_BUDGET one has a budget near what it may cost."""
    tif = draw(st.sampled_from(["GTC", "GTC", "GTC", "IOC", "FOK", "FOK_BUDGET"]))
    qty, price = draw(LOTS), draw(PRICES)
    budget = qty * price + draw(st.integers(-9, 9)) if tif == "FOK_BUDGET" else None
    price = draw(st.none() | st.just(price)) if tif == "FOK_BUDGET" else price
    stop = draw(STOPS)
    post_only = stop is None and draw(st.booleans())
    return Limit(
        id=draw(IDS), side=draw(SIDES), price=price, qty=qty, tif=tif, budget=budget, stop=stop,
        post_only=post_only, user=draw(USERS),
    )  # fmt: skip


STEPS: st.SearchStrategy[AnyStep] = st.one_of(
    limits(),
    limits(),
    st.builds(
        Market, id=IDS, side=SIDES, qty=LOTS, tif=st.sampled_from(["IOC", "FOK"]), stop=STOPS,
        protect=st.none() | st.integers(0, 4), user=USERS,
    ),
    st.builds(Cancel, id=IDS, user=USERS),
    st.builds(Reduce, id=IDS, qty=LOTS, user=USERS),
    st.builds(Replace, id=IDS, price=st.none() | PRICES, qty=st.none() | LOTS, user=USERS),
    st.builds(SetLast, price=PRICES),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(STEPS, min_size=5, max_size=60))
def test_random_steps_agree_with_the_plain_market(steps: list[AnyStep]) -> None:
    core, plain = Venue(MarketRules()), PlainMarket()
    for step in steps:
        assert _said(core.carry_out(step)) == _said(plain.carry_out(step)), step
        for side in Side:
            assert core.levels(side) == plain.levels(side), step
        assert (core.stops(), core.last()) == (plain.stops(), plain.last()), step
        for order in plain.orders:
            assert (core.state(order), core.filled(order)) == (plain.state(order), plain.filled(order)), (step, order)


def _said(outcome: Outcome) -> tuple[str, list[Trade]]:
    return outcome.status, outcome.trades
