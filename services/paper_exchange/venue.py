"""The exchange with its journal: nothing leaves this process before what it tells is committed."""

import asyncio
from collections.abc import Callable, Iterable

import msgspec

from common.exchange.commands import Command, Deposit, ExpireOpenOrders
from common.exchange.events import VENUE_RESTART, DurableEvent, Event, OrderExpired, is_durable
from common.exchange.exchange import Exchange
from common.exchange.ledger import LedgerState
from common.storage import Journal

ACCOUNT = "paper"
"""The one customer of a paper venue."""

SNAPSHOT_ENTRIES = 20_000
"""A start that replayed more than this keeps a snapshot for the next one. Taken at starts only, when nothing rests."""

Observer = Callable[[list[Event]], None]


class PaperVenue:
    """Executes commands, journals durable events in groups, and lets go of news after the commit.

    Everything that one turn of the event loop executes is one group: one commit, then all its frames and answers.
    """

    def __init__(self, exchange: Exchange, journal: Journal, now_ns: Callable[[], int]) -> None:
        self.exchange, self.now_ns = exchange, now_ns
        self._journal = journal
        self._observers: list[Observer] = []
        self._held: list[Callable[[], None]] = []
        self._committed: asyncio.Future[None] | None = None

    def recover(self, deposits: dict[str, int]) -> int:
        """Rebuild everything from the journal and expire what was resting; credit `deposits` at the very first start.

        Returns the number of orders expired. Raises JournalCorrupt.
        """
        kept = self._journal.load_snapshot()
        if kept is not None:
            self.exchange.ledger.load(msgspec.msgpack.decode(kept[1], type=LedgerState))
        after = 0 if kept is None else kept[0]
        self.exchange.restore(event for _, _, event in self._journal.read_as(DurableEvent, after))
        time_ns = self.now_ns()
        if not self._journal.last_sequence:
            for asset, units in deposits.items():
                self._record(Deposit(time_ns=time_ns, account=ACCOUNT, asset=asset, units=units))
        expired = self._record(ExpireOpenOrders(time_ns=time_ns, reason=VENUE_RESTART))
        self._journal.commit()
        if self._journal.last_sequence - after >= SNAPSHOT_ENTRIES:
            state = msgspec.msgpack.encode(self.exchange.ledger.state())
            self._journal.save_snapshot(self._journal.last_sequence, state)
        return sum(isinstance(event, OrderExpired) for event in expired)

    def observe(self, observer: Observer) -> None:
        """Hear the events of every command, at once and uncommitted: what is made of them goes through `hold`."""
        self._observers.append(observer)

    def execute(self, command: Command) -> list[Event]:
        """Carry out a command now; its events are journaled with the group of this turn of the loop."""
        events = self._record(command)
        for observer in self._observers:
            observer(events)
        if self._committed is None and events:
            self._begin_group()
        return events

    def hold(self, release: Callable[[], None]) -> None:
        """Call `release` once everything executed so far is committed."""
        self._held.append(release)
        if self._committed is None:
            self._begin_group()

    async def committed(self) -> None:
        """Return once everything executed so far is durable and told."""
        if self._committed is not None:
            await asyncio.shield(self._committed)

    def _record(self, command: Command) -> list[Event]:
        events = self.exchange.execute(command)
        self._append(event for event in events if is_durable(event))
        return events

    def _append(self, events: Iterable[Event]) -> None:
        for event in events:
            self._journal.append(event)

    def _begin_group(self) -> None:
        loop = asyncio.get_running_loop()
        self._committed = loop.create_future()
        loop.call_soon(self._end_group)

    def _end_group(self) -> None:
        self._journal.commit()
        held, committed = self._held, self._committed
        self._held, self._committed = [], None
        for release in held:
            release()
        if committed is not None and not committed.done():
            committed.set_result(None)
