"""What a step did and how the market looks after it, in the words of the format."""

from dataclasses import dataclass
from typing import Protocol

from common.model.order import Side
from tests.scenarios.script import AnyStep

Trade = tuple[str, str, int, int]
"""(maker's id, taker's id, price, quantity)."""

LevelView = tuple[int, int, int]
"""(price, quantity, number of orders)."""


@dataclass(frozen=True)
class Outcome:
    """`status` is that of the step's own order ("" for a step without one), `reason` why it was refused."""

    status: str
    trades: list[Trade]
    reason: str = ""


class Stage(Protocol):
    """A market on which steps are played."""

    def carry_out(self, step: AnyStep) -> Outcome:
        """Do one step."""

    def levels(self, side: Side) -> list[LevelView]:
        """The whole side, best first."""

    def filled(self, order: str) -> tuple[int, int]:
        """Lots and sum of price x lots that an order has traded since it came."""

    def state(self, order: str) -> str:
        """Status of any order, "" when nobody knows it."""

    def stops(self) -> int:
        """Conditional orders that wait."""

    def last(self) -> int | None:
        """Last price."""
