"""Subscriptions to private events: who hears what an account does."""

from services.paper_exchange.broadcast import Connection


class UserStreams:
    """Subscriptions, each a number on its connection, each to one account's events."""

    def __init__(self) -> None:
        self._subscriptions: dict[tuple[Connection, int], str] = {}

    def __len__(self) -> int:
        return len(self._subscriptions)

    def subscribe(self, connection: Connection, account: str) -> int:
        """Begin; returns the subscription's number."""
        number = max((taken + 1 for taken in self.of(connection)), default=0)
        self._subscriptions[connection, number] = account
        return number

    def of(self, connection: Connection) -> list[int]:
        """The subscriptions of a connection, oldest first."""
        return [number for each, number in self._subscriptions if each is connection]

    def unsubscribe(self, connection: Connection, number: int | None = None) -> list[int]:
        """End one subscription of a connection, or all; returns those that ended."""
        ended = [each for each in self.of(connection) if number in (None, each)]
        for each in ended:
            del self._subscriptions[connection, each]
        return ended

    def publish(self, account: str, payload: bytes) -> None:
        """Send one encoded event of an account to everybody who may hear it."""
        for (connection, number), owner in self._subscriptions.items():
            if owner == account:
                connection.send(b'{"subscriptionId":%d,"event":%s}' % (number, payload))
