"""Request parameters as Binance reads them: query and body, checked one by one, with its errors."""

import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from common.model.errors import MessageInvalid
from common.venues.grid import Steps
from services.paper_exchange import refusals

DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ORDER_ID = r"^[a-zA-Z0-9-_:/.]{1,36}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
SYMBOLS = r"^\[\"[A-Z0-9-_.]{1,20}\"(,\"[A-Z0-9-_.]{1,20}\"){0,}\]$"
DECIMALS_MAX = 8
NS_PER_MS, DAY_MS, TIME_MS_MAX = 1_000_000, 86_400_000, 10**14

_DECIMAL, _CLIENT_ORDER_ID, _SYMBOL = re.compile(DECIMAL), re.compile(CLIENT_ORDER_ID), re.compile(SYMBOL)
_decode_symbols = msgspec.json.Decoder(list[str]).decode
_E = TypeVar("_E", bound=StrEnum)


class Parameters:
    """The parameters of one request by name; every reader raises VenueError.

    `account` is for whom it is, once its signature was checked; empty = for anybody.
    """

    __slots__ = ("_values", "account")

    def __init__(self, values: Mapping[str, str], account: str = "") -> None:
        self._values, self.account = values, account

    @classmethod
    def from_texts(cls, query: str, body: str) -> "Parameters":
        """From a raw query string and a form body."""
        pairs = parse_qsl(query, keep_blank_values=True)
        return cls(dict(pairs + parse_qsl(body, keep_blank_values=True) if body else pairs))

    @classmethod
    def from_call(cls, values: Mapping[str, object]) -> "Parameters":
        """From the parameters of a WebSocket call."""
        return cls({name: value if isinstance(value, str) else _text(value) for name, value in values.items()})

    def of(self, account: str) -> "Parameters":
        """The same ones for an account."""
        return Parameters(self._values, account)

    def sorted_text(self, without: str) -> str:
        """All but one of them as a query, sorted by name: what a WebSocket call signs."""
        return "&".join(f"{name}={self._values[name]}" for name in sorted(self._values) if name != without)

    def has(self, name: str) -> bool:
        """True when the parameter was sent."""
        return name in self._values

    def text(self, name: str) -> str:
        """A text that must be there."""
        value = self._values.get(name, "")
        if not value:
            raise refusals.mandatory(name)
        return value

    def symbol(self) -> str:
        """The market's name, as the venue writes it."""
        value = self.text("symbol")
        if not _SYMBOL.match(value):
            raise refusals.illegal_characters("symbol", SYMBOL)
        return value

    def symbols(self) -> list[str] | None:
        """Markets' names in a list, JSON; None when it was not sent."""
        text = self._values.get("symbols")
        if text is None:
            return None
        try:
            names = _decode_symbols(text)
        except (msgspec.MsgspecError, UnicodeEncodeError):
            raise refusals.illegal_characters("symbols", SYMBOLS) from None
        if not names or not all(_SYMBOL.match(name) for name in names):
            raise refusals.illegal_characters("symbols", SYMBOLS)
        return names

    def integer(self, name: str, otherwise: int | None = None) -> int:
        """A whole number of at least 0; mandatory unless `otherwise` is given."""
        value = self._values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        # isdigit alone also accepts digits of other scripts and superscripts.
        if value is None or not (value.isascii() and value.isdigit()) or len(value) > 19:
            raise refusals.mandatory(name)
        return int(value)

    def window(self) -> float:
        """recvWindow in milliseconds; up to three decimals, at most 60,000."""
        value = self._values.get("recvWindow", "5000")
        if not _DECIMAL.match(value):
            raise refusals.mandatory("recvWindow")
        if float(value) > 60_000:
            raise refusals.VenueError(-1131, "recvWindow must be less than 60000")
        return float(value)

    def limit(self, otherwise: int, largest: int) -> int:
        """How many rows are wanted."""
        return max(1, min(largest, self.integer("limit", otherwise)))

    def steps(self, name: str, grid: Steps, failing: str) -> int:
        """A decimal in steps of the grid; off the grid it fails the filter that is named."""
        value = self._decimal(name)
        try:
            return grid[value]
        except MessageInvalid:
            raise refusals.filter_failed(failing) from None

    def units(self, name: str) -> int:
        """A decimal amount of money in units of 1e-8."""
        whole, _, fraction = self._decimal(name).partition(".")
        return int(whole + fraction.rstrip("0").ljust(DECIMALS_MAX, "0"))

    def flag(self, name: str) -> bool:
        """True or false; false when it was not sent."""
        value = self._values.get(name, "false")
        if value not in ("true", "false"):
            raise refusals.illegal_characters(name, "^(true|false)$")
        return value == "true"

    def period(self) -> tuple[int, int]:
        """From startTime until after endTime, in ns: everything when neither was sent, at most a day when both were."""
        since_ms, until_ms = self.integer("startTime", 0), self.integer("endTime", TIME_MS_MAX)
        if self.has("startTime") and self.has("endTime") and until_ms - since_ms > DAY_MS:
            raise refusals.VenueError(-1127, "More than 24 hours between startTime and endTime.")
        return since_ms * NS_PER_MS, (until_ms + 1) * NS_PER_MS

    def client_order_id(self, name: str) -> str:
        """A client order id, or an empty text when none was sent."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not _CLIENT_ORDER_ID.match(value):
            raise refusals.illegal_characters(name, CLIENT_ORDER_ID)
        return value

    def choice(self, name: str, kind: type[_E], otherwise: _E | None, error: Callable[[], refusals.VenueError]) -> _E:
        """One of the venue's words; any other one is the error."""
        value = self._values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if value is None:
            raise refusals.mandatory(name)
        try:
            return kind(value)
        except ValueError:
            raise error() from None

    def _decimal(self, name: str) -> str:
        value = self.text(name)
        if not _DECIMAL.match(value):
            raise refusals.illegal_characters(name, DECIMAL)
        if len(value.partition(".")[2].rstrip("0")) > DECIMALS_MAX:
            raise refusals.too_precise(name)
        return value


def _text(value: object) -> str:
    """A value of a call as it is signed and read."""
    if isinstance(value, bool):
        return str(value).lower()
    return msgspec.json.encode(value).decode() if isinstance(value, list | dict) else str(value)
