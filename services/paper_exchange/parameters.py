"""Request parameters as Binance reads them: query and body, checked one by one, with its errors."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl

from common.model.errors import MessageInvalid
from common.venues.grid import Steps
from services.paper_exchange import refusals

DECIMAL = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ORDER_ID = r"^[a-zA-Z0-9-_:/.]{1,36}$"
SYMBOL = r"^[A-Z0-9-_.]{1,20}$"
DECIMALS_MAX = 8

_DECIMAL, _CLIENT_ORDER_ID, _SYMBOL = re.compile(DECIMAL), re.compile(CLIENT_ORDER_ID), re.compile(SYMBOL)
_E = TypeVar("_E", bound=StrEnum)


class Parameters:
    """The parameters of one request by name; every reader raises VenueError."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def from_texts(cls, query: str, body: str) -> "Parameters":
        """From a raw query string and a form body."""
        pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(body, keep_blank_values=True)
        return cls(dict(pairs))

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
        value = self.text(name)
        if not _DECIMAL.match(value):
            raise refusals.illegal_characters(name, DECIMAL)
        if len(value.partition(".")[2].rstrip("0")) > DECIMALS_MAX:
            raise refusals.too_precise(name)
        try:
            return grid[value]
        except MessageInvalid:
            raise refusals.filter_failed(failing) from None

    def client_order_id(self, name: str) -> str:
        """A client order id, or an empty text when none was sent."""
        value = self._values.get(name)
        if value is None:
            return ""
        if not _CLIENT_ORDER_ID.match(value):
            raise refusals.illegal_characters(name, CLIENT_ORDER_ID)
        return value

    def choice(self, name: str, kind: type[_E], otherwise: _E | None, error: refusals.VenueError) -> _E:
        """One of the venue's words."""
        value = self._values.get(name)
        if value is None and otherwise is not None:
            return otherwise
        if value is None:
            raise refusals.mandatory(name)
        try:
            return kind(value)
        except ValueError:
            raise error from None
