"""What one account has in one market."""

from typing import Any

from common.exchange.accounts import Balance
from common.exchange.events import SPECIAL_ACCOUNTS
from common.exchange.margin.accounts import MarginAccount, Position
from common.exchange.money import Scale
from common.exchange.record import OrderRecord


class Seat:
    """What one account has in one market: open orders oldest first, and the newest order of each client order id.

    Also where its orders set something aside, so that it need not be looked for each time: on spot the balances, else
    the position and the margin account that it is in. `is_special`: the account is one of the venue's own.
    """

    __slots__ = (
        "account",
        "base",
        "is_special",
        "margin_key",
        "names",
        "orders",
        "owner",
        "position",
        "quote",
        "scale",
    )

    def __init__(
        self, account: str, scale: Scale, base: Balance | None = None, quote: Balance | None = None,
        owner: MarginAccount | None = None, position: Position | None = None,
    ) -> None:  # fmt: skip
        self.account, self.scale, self.is_special = account, scale, account in SPECIAL_ACCOUNTS
        # Where the margin accounts that a trade may have hurt are noted.
        self.margin_key: Any = (scale.quote, account)
        self.orders: dict[int, OrderRecord] = {}
        self.names: dict[str, int] = {}
        self.base, self.quote, self.owner, self.position = base, quote, owner, position
