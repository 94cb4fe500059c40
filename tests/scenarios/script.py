"""Scenario files, read strictly: what the format does not know is an error that names file, scenario and step."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from common.exchange.commands import PriceReference
from common.exchange.rules import MarketRules
from common.model.errors import InputInvalid
from common.model.order import Side

FORMAT = 1

Id = int | str
"""Names an order or a user. 7 and "7" are the same one, because keys of JSON objects are always text."""

Status = Literal["resting", "filled", "canceled", "rejected", "pending"]
Tif = Literal["GTC", "IOC", "FOK", "FOK_BUDGET"]
Stp = Literal["none", "newest", "oldest", "both", "decrement"]
Depth = Annotated[int, Meta(ge=1)]
Price = Annotated[int, Meta(ge=1, le=2**63 - 1)]
"""For steps that cannot be refused; an order's price may be any integer."""


class ScriptInvalid(InputInvalid):
    """A scenario file that cannot be read. `where` is `file: scenario: step`."""


class Expect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What must hold after a step. Keys that are absent are not looked at."""

    status: Status | UnsetType = UNSET
    trades: list[tuple[Id, Id, int, int]] | UnsetType = UNSET
    filled: dict[str, tuple[int, int]] | UnsetType = UNSET
    bids: list[tuple[int, int, int]] | UnsetType = UNSET
    asks: list[tuple[int, int, int]] | UnsetType = UNSET
    depth: Depth | UnsetType = UNSET
    orders: tuple[int, int] | UnsetType = UNSET
    volume: tuple[int, int] | UnsetType = UNSET
    stops: int | UnsetType = UNSET
    states: dict[str, Status] | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    last: int | UnsetType | None = UNSET


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """Root of all steps. `comment` is for readers only."""

    expect: Expect | UnsetType = UNSET
    comment: str = ""


class Trail(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ours: a trailing stop's distance, in ticks or in basis points, and the price from which it follows."""

    ticks: int = 0
    bps: int = 0
    activation: int = 0


class OrderStep(Step, frozen=True, kw_only=True):
    """What all new orders have; the second block is ours."""

    id: Id
    side: Side
    qty: int
    user: Id | None = None
    stop: int | None = None
    budget: int | None = None

    take_profit: int | None = None
    trail: Trail | None = None
    reference: PriceReference = PriceReference.LAST
    immediate: bool = True
    stp: Stp = "none"
    reduce_only: bool = False


class Limit(OrderStep, frozen=True, kw_only=True, tag="limit"):
    """A new limit order; with `stop` it waits for the last price. A FOK_BUDGET may do without a price."""

    price: int | None = None
    tif: Tif = "GTC"
    post_only: bool = False

    slide: bool = False
    expires_s: int | None = None

    def __post_init__(self) -> None:
        if self.price is None and self.tif != "FOK_BUDGET":
            raise ValueError("a limit order needs a `price`")


class Market(OrderStep, frozen=True, kw_only=True, tag="market"):
    """A new market order; `protect` bounds its price to so many ticks behind the best opposite one."""

    tif: Tif = "IOC"
    protect: int | None = None


class Change(Step, frozen=True, kw_only=True):
    """What all steps about an existing order have. Without a `user` it comes from the order's owner."""

    id: Id
    user: Id | None = None


class Cancel(Change, frozen=True, kw_only=True, tag="cancel"):
    """Take an order, triggered or not, off."""


class Reduce(Change, frozen=True, kw_only=True, tag="reduce"):
    """Take `qty` off an order's open quantity; it keeps its place."""

    qty: int


class Replace(Change, frozen=True, kw_only=True, tag="replace"):
    """Give an order another price, another open quantity, or both."""

    price: int | None = None
    qty: int | None = None


class SetLast(Step, frozen=True, kw_only=True, tag="set_last"):
    """Make a price the last one without a trade."""

    price: Price


class SetMark(Step, frozen=True, kw_only=True, tag="set_mark"):
    """Ours: the mark price, for price bands and for triggers that watch it."""

    price: Price


class PassTime(Step, frozen=True, kw_only=True, tag="pass_time"):
    """Ours: nothing but time."""

    seconds: Annotated[int, Meta(ge=0)]


AnyStep = Limit | Market | Cancel | Reduce | Replace | SetLast | SetMark | PassTime


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One play on an empty book."""

    name: str
    steps: list[AnyStep]
    file: str
    rules: MarketRules


class _Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    steps: list[msgspec.Raw]
    rules: msgspec.Raw = msgspec.Raw(b"{}")
    comment: str = ""


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int
    scenarios: list[msgspec.Raw]
    comment: str = ""


def read(path: Path) -> list[Scenario]:
    """The scenarios of a file. Raises ScriptInvalid when anything in it is not of the format."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ScriptInvalid("scenario file", str(path), "a file that can be read", error.strerror) from None
    file = _decode(content, _File, str(path))
    if file.format != FORMAT:
        raise ScriptInvalid("format", str(path), str(FORMAT), file.format)
    return [_scenario(raw, f"{path}: scenario {number}", str(path)) for number, raw in enumerate(file.scenarios, 1)]


def _scenario(raw: msgspec.Raw, where: str, file: str) -> Scenario:
    found = _decode(raw, _Scenario, where)
    where = f"{where} ({found.name})"
    steps = [_decode(step, AnyStep, f"{where}: step {number}") for number, step in enumerate(found.steps, 1)]
    rules = _decode(found.rules, MarketRules, f"{where}: rules")
    return Scenario(name=found.name, steps=steps, file=file, rules=rules)


def _decode(content: bytes | msgspec.Raw, kind: Any, where: str) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        complaint = re.fullmatch(r"Expected (.*?), got (.*?)(?: - at `\$\.?(.*)`)?", str(error))
        expected, got, key = complaint.groups() if complaint else ("the documented format", str(error), "")
        raise ScriptInvalid(key or "content", where, expected.strip("`"), got.strip("`")) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ScriptInvalid("content", where, "JSON in UTF-8", str(error)) from None
