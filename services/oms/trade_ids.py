"""Which trades of one market are booked already, in bounded memory."""


class TradeIds:
    """Everything up to `settled` is booked; above it the ids are remembered one by one.

    Venues count the trades of a market upwards, but reports may arrive late, twice, or not at all. A reconciliation
    lists all trades after `settled` and then moves it; in between only the ids of about a minute are held.
    """

    def __init__(self, settled: int = -1, seen: list[int] | None = None) -> None:
        self.settled = settled
        self._seen = set(seen or ())

    def __contains__(self, trade_id: int) -> bool:
        return trade_id <= self.settled or trade_id in self._seen

    @property
    def seen(self) -> list[int]:
        """Booked ids above `settled`, ascending."""
        return sorted(self._seen)

    def add(self, trade_id: int) -> None:
        """Remember a booked trade."""
        self._seen.add(trade_id)

    def settle(self, through: int) -> None:
        """Declare everything up to an id as booked."""
        if through > self.settled:
            self.settled = through
            self._seen = {trade_id for trade_id in self._seen if trade_id > through}
