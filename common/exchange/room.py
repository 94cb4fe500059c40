"""What a part of the exchange with a state of its own looks like to the exchange."""

from collections.abc import Callable
from typing import Any, Protocol


class Room(Protocol):
    """Vaults, pools, grids, ...: commands that it handles and a state that can be kept.

    A handler raises `Refused` before it changes anything. `state` is a mutable msgspec Struct that holds all that the
    room knows; looking at the room adds nothing to it. `trading` names those of its commands that the manager of an
    account may give for it.
    """

    handlers: dict[Any, Callable[[Any], None]]
    trading: frozenset[Any]

    @property
    def state(self) -> Any: ...

    def load(self, state: Any) -> None:
        """Become what `state` was; derived indexes are built anew."""
