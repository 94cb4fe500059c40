"""What one account has in one market."""

from common.exchange.accounts import Balance
from common.exchange.margin.accounts import Position
from common.exchange.money import Scale
from common.exchange.record import OrderRecord


class Seat:
    """What one account has in one market: open orders oldest first, and the newest order of each client order id.

    Also where its orders set something aside, so that it need not be looked for each time: on spot the balances, else
    the position.
    """

    __slots__ = ("base", "names", "orders", "position", "quote", "scale")

    def __init__(self, scale: Scale, base: Balance | None, quote: Balance | None, position: Position | None) -> None:
        self.scale = scale
        self.orders: dict[int, OrderRecord] = {}
        self.names: dict[str, int] = {}
        self.base, self.quote, self.position = base, quote, position
