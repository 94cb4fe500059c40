"""An exchange from its journal: what the journal holds, and the same state again, checked on the way.

Pure: whoever reads and writes the file hands the bytes in.
"""

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from common.exchange.catalogue import AnyCommand
from common.exchange.configuration import ExchangeConfig
from common.exchange.exchange import Exchange
from common.exchange.snapshot import ExchangeState
from common.model.errors import ConfigInvalid, JournalCorrupt

CHECKSUM_BYTES = 16


class ExchangeConfigured(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The commands that follow go to an exchange of this configuration, which has the state of the one before it."""

    config: ExchangeConfig


class CommandsExecuted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Commands in the order in which they were executed, committed as one group.

    digest      of the exchange after the last of them: replay must come to the same
    state_hash  of the whole state after the last of them; empty where it was not taken
    """

    commands: list[AnyCommand]
    digest: int
    state_hash: str = ""


JournalRecord = ExchangeConfigured | CommandsExecuted
"""What a journal holds: decode its entries as this union."""


class KeptState(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot: the state, its hash, and how many commands had been executed."""

    state: ExchangeState
    state_hash: str
    commands: int


def keep(exchange: Exchange, commands: int) -> bytes:
    """A snapshot as bytes, after a checksum of them."""
    kept = KeptState(state=exchange.state(), state_hash=exchange.state_hash(), commands=commands)
    payload = msgspec.msgpack.encode(kept)
    return _checksum(payload) + payload


def _checksum(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=CHECKSUM_BYTES).digest()


class Recovery:
    """Rebuilds an exchange. `commands` counts all that it has executed since its very first start."""

    def __init__(self) -> None:
        self.exchange: Exchange | None = None
        self.commands = 0

    def load(self, payload: bytes) -> None:
        """Start from a snapshot. Raises JournalCorrupt when its bytes or its state are not what they say."""
        checksum, body = payload[:CHECKSUM_BYTES], payload[CHECKSUM_BYTES:]
        if _checksum(body) != checksum:
            raise JournalCorrupt("snapshot: its bytes have another checksum than it says")
        try:
            kept = msgspec.msgpack.decode(body, type=KeptState)
        except msgspec.MsgspecError as error:
            raise JournalCorrupt(f"snapshot: {error}") from error
        exchange = Exchange(kept.state.config)
        exchange.load(kept.state)
        if exchange.state_hash() != kept.state_hash:
            raise JournalCorrupt(f"snapshot after {kept.commands} commands: its state has another hash than it says")
        self.exchange, self.commands = exchange, kept.commands

    def take(self, records: Iterable[JournalRecord]) -> None:
        """Execute what a journal holds after that. Raises JournalCorrupt where the outcome is another one."""
        for record in records:
            if isinstance(record, ExchangeConfigured):
                self.configure(record.config)
            else:
                self._execute(record)

    def configure(self, config: ExchangeConfig) -> Exchange:
        """The same state in an exchange of another configuration. Raises ConfigInvalid if it cannot have it."""
        before = self.exchange
        after = Exchange(config)
        if before is not None:
            check_change(before.config, config)
            after.load(msgspec.msgpack.decode(msgspec.msgpack.encode(before.state()), type=ExchangeState))
        self.exchange = after
        return after

    def _execute(self, record: CommandsExecuted) -> None:
        exchange = self.exchange
        if exchange is None:
            raise JournalCorrupt("commands come before any configuration")
        for command in record.commands:
            exchange.execute(command)
        exchange.changed_levels()
        self.commands += len(record.commands)
        if exchange.digest != record.digest or (record.state_hash and exchange.state_hash() != record.state_hash):
            raise JournalCorrupt(f"replay of commands up to number {self.commands} comes to another state")


def check_change(before: ExchangeConfig, after: ExchangeConfig) -> None:
    """Raise ConfigInvalid where a state of the one would mean something else in the other."""
    instruments = {each.symbol: each for each in after.instruments}
    for old in before.instruments:
        new = instruments.get(old.symbol)
        if new is None:
            raise ConfigInvalid(old.symbol, "instruments", "every market that the journal knows", "nothing")
        for name in ("base", "quote", "tick_size", "lot_size"):
            if getattr(old, name) != getattr(new, name):
                where = f"instruments: {old.symbol}.{name}"
                raise ConfigInvalid(name, where, f"{getattr(old, name)}, as in the journal", getattr(new, name))
        if (old.symbol in before.perpetuals) is not (old.symbol in after.perpetuals):
            raise ConfigInvalid(old.symbol, "perpetuals", "the same kind of market as in the journal", "the other kind")
    if before.settles is not after.settles:
        raise ConfigInvalid("settles", "exchange", f"{before.settles}, as in the journal", after.settles)
