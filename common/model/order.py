"""The life of an order: its terms, its states and the only ways from one state to the next."""

from enum import StrEnum


class Side(StrEnum):
    """Side of an order; also the aggressor's side of a trade."""

    sign: int
    """+1 for a buy, -1 for a sell."""
    opposite: "Side"
    """The other side."""

    BUY = "buy"
    SELL = "sell"

    def __init__(self, value: str) -> None:
        # Plain attributes, because a property of an enumeration costs as much as all the rest of a match.
        self.sign = 1 if value == "buy" else -1


Side.BUY.opposite, Side.SELL.opposite = Side.SELL, Side.BUY


class OrderType(StrEnum):
    """Price rule of an order."""

    LIMIT = "limit"
    MARKET = "market"


class TimeInForce(StrEnum):
    """What becomes of the part that does not trade at once."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderState(StrEnum):
    """Where an order stands.

    PENDING   journaled, the venue has not answered yet
    UNKNOWN   it left and no answer came: it is being resolved by its client order id
    OPEN      resting at the venue, nothing filled
    PARTIALLY_FILLED, FILLED, CANCELED, REJECTED, EXPIRED   as venues mean them
    """

    PENDING = "pending"
    UNKNOWN = "unknown"
    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """True once nothing more can rest at the venue. A late fill may still be reported and always counts."""
        return self in _FINAL


_FINAL = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED})
