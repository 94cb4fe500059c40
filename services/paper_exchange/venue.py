"""The exchange with its journal: nothing leaves this process before the commands that it tells of are committed."""

import asyncio
from collections.abc import Callable

import msgspec

from common.exchange.commands import Command, Deposit, DropLiquidity, ExpireOpenOrders, PassTime
from common.exchange.configuration import ExchangeConfig
from common.exchange.events import VENUE_RESTART, Event, OrderExpired, Refusal
from common.exchange.exchange import Exchange
from common.exchange.margin.commands import MoveCollateral
from common.exchange.recovery import CommandsExecuted, ExchangeConfigured, JournalRecord, Recovery, keep
from common.storage import Journal

GROUP_COMMANDS_MAX = 256
STATE_HASH_COMMANDS = 10_000
"""So often the journal notes the hash of the whole state; a digest of what happened is noted with each group."""

Observer = Callable[[list[Event]], None]


class PaperVenue:
    """Executes commands, journals them in groups, and lets go of news after the commit.

    Everything that one turn of the event loop executes is one group: one commit, then all its frames and answers.
    A snapshot each `snapshot_commands` lets the journal forget what is before the last but one of them.
    """

    def __init__(
        self, config: ExchangeConfig, journal: Journal, now_ns: Callable[[], int], snapshot_commands: int
    ) -> None:
        """Recovers. Raises JournalCorrupt, and ConfigInvalid for a configuration that the state cannot have."""
        self.now_ns = now_ns
        self._journal, self._snapshot_commands = journal, snapshot_commands
        self._observers: list[Observer] = []
        self._held: list[Callable[[], None]] = []
        self._committed: asyncio.Future[None] | None = None
        self._group: list[Command] = []
        recovery = Recovery()
        kept = journal.load_snapshot()
        if kept is not None:
            recovery.load(kept[1])
        after = 0 if kept is None else kept[0]
        recovery.take(record for _, _, record in journal.read_as(JournalRecord, after))
        if recovery.exchange is None or recovery.exchange.config != config:
            recovery.configure(config)
            journal.append(ExchangeConfigured(config=config))
        assert recovery.exchange is not None  # it was configured, if not by the journal then above
        self.exchange: Exchange = recovery.exchange
        self.commands = self._commands_hashed = recovery.commands
        self._snapshots: list[int] = [] if kept is None else [kept[0]]
        self._commands_kept = self.commands if kept is None else 0

    @property
    def commands_executed(self) -> int:
        """How many commands were executed since the very first start; right after `execute`, that command's number."""
        return self.commands + len(self._group)

    def open(
        self,
        deposits: dict[str, dict[str, int]],
        expires_open_orders: bool,
        collateral: dict[str, dict[str, int]] | None = None,
    ) -> int:
        """Begin a life: credit accounts that never had anything, and forget the world of the last one.

        `deposits` by account and asset; `collateral` likewise, for margin wallets that were never used. What rested
        goes on resting unless `expires_open_orders`; returns how many orders ended.
        """
        time_ns = self.now_ns()
        for account, amounts in deposits.items():
            if not self.exchange.ledger.accounts.balances(account):
                for asset, units in amounts.items():
                    if units:
                        self._execute(Deposit(time_ns=time_ns, account=account, asset=asset, units=units))
        for account, amounts in (collateral or {}).items():
            for asset, units in amounts.items():
                if units and self.exchange.margin.accounts.find(account, asset) is None:
                    self._execute(Deposit(time_ns=time_ns, account=account, asset=asset, units=units))
                    self._execute(MoveCollateral(time_ns=time_ns, account=account, asset=asset, units=units))
        events = list[Event]()
        if expires_open_orders:
            events += self._execute(ExpireOpenOrders(time_ns=time_ns, reason=VENUE_RESTART))
        for symbol in self.exchange.markets:
            self._execute(DropLiquidity(time_ns=time_ns, symbol=symbol))
        self._commit()
        return sum(isinstance(event, OrderExpired) for event in events)

    def pass_time(self) -> None:
        """Do what has become due, although nobody tells the exchange anything."""
        now_ns = self.now_ns()
        if 0 < self.exchange.due_ns <= now_ns:
            self.execute(PassTime(time_ns=now_ns))

    def observe(self, observer: Observer) -> None:
        """Hear the events of every command, at once and uncommitted: what is made of them goes through `hold`."""
        self._observers.append(observer)

    def execute(self, command: Command) -> list[Event]:
        """Carry out a command now; it is journaled with the group of this turn of the loop."""
        events = self._execute(command)
        for observer in self._observers:
            observer(events)
        if self._committed is None:
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

    def _execute(self, command: Command) -> list[Event]:
        events = self.exchange.execute(command)
        is_refused = bool(events) and isinstance(events[-1], Refusal)
        events += self.exchange.changed_levels()
        self._group.append(_journaled(command) if is_refused else command)
        if len(self._group) >= GROUP_COMMANDS_MAX:
            self._commit()
        return events

    def _begin_group(self) -> None:
        loop = asyncio.get_running_loop()
        self._committed = loop.create_future()
        loop.call_soon(self._end_group)

    def _end_group(self) -> None:
        self._commit()
        held, committed = self._held, self._committed
        self._held, self._committed = [], None
        for release in held:
            release()
        if committed is not None and not committed.done():
            committed.set_result(None)

    def _commit(self) -> None:
        """Make the open group durable; now and then note the whole state's hash, and keep a snapshot."""
        group, self._group = self._group, []
        if group:
            self.commands += len(group)
            state_hash = ""
            if self.commands - self._commands_hashed >= STATE_HASH_COMMANDS:
                state_hash, self._commands_hashed = self.exchange.state_hash(), self.commands
            # The commands are of the union that the record declares: `execute` answers others with a refusal.
            record = CommandsExecuted(commands=group, digest=self.exchange.digest, state_hash=state_hash)  # type: ignore[arg-type]
            self._journal.append(record)
        self._journal.commit()
        if self.commands - self._commands_kept >= self._snapshot_commands:
            self._keep()

    def _keep(self) -> None:
        sequence = self._journal.last_sequence
        self._journal.save_snapshot(sequence, keep(self.exchange, self.commands))
        self._commands_kept = self.commands
        self._snapshots = [*self._snapshots[-1:], sequence]
        # What is before the older of the two snapshots is needed no more, even if the newer one cannot be read.
        self._journal.trim(self._snapshots[0])


def _journaled(refused: Command) -> Command:
    """A refused command as the journal can hold it: numbers of more than 64 bits changed nothing, but time passed."""
    try:
        msgspec.msgpack.encode(refused)
    except OverflowError:
        return PassTime(time_ns=refused.time_ns)
    return refused
