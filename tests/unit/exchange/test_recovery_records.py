"""Replaying a journal: the same state or a clear refusal, and what another configuration may change."""

from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.recovery import CommandsExecuted, ExchangeConfigured, JournalRecord, Recovery, keep
from common.model.errors import ConfigInvalid, JournalCorrupt
from tests.unit.exchange.desk import Desk
from tests.unit.exchange.test_restore import busy_desk


def records_of(desk: Desk, group: int) -> list[JournalRecord]:
    """What a venue would have written, in groups of so many commands."""
    exchange, records = Exchange(desk.config), list[JournalRecord]([ExchangeConfigured(config=desk.config)])
    for start in range(0, len(desk.commands), group):
        commands = desk.commands[start : start + group]
        for command in commands:
            exchange.execute(command)
        state_hash = exchange.state_hash() if start % 2 else ""
        records.append(CommandsExecuted(commands=commands, digest=exchange.digest, state_hash=state_hash))
    return msgspec.msgpack.decode(msgspec.msgpack.encode(records), type=list[JournalRecord])


@pytest.mark.parametrize("group", [1, 3, 256])
def test_a_journal_comes_to_the_same_state_however_it_was_grouped(group):
    desk = busy_desk()
    recovery = Recovery()
    recovery.take(records_of(desk, group))
    assert recovery.commands == len(desk.commands)
    assert msgspec.msgpack.encode(recovery.exchange.state()) == msgspec.msgpack.encode(desk.exchange.state())


def test_a_snapshot_and_the_rest_come_to_the_same_state_at_every_cut():
    desk = busy_desk()
    records = records_of(desk, 1)
    for cut in range(1, len(records)):
        first, second = Recovery(), Recovery()
        first.take(records[:cut])
        second.load(keep(first.exchange, first.commands))
        second.take(records[cut:])
        assert second.commands == len(desk.commands)
        assert second.exchange.state_hash() == desk.exchange.state_hash()
        assert second.exchange.digest == desk.exchange.digest


def test_a_command_that_was_lost_changed_or_swapped_is_noticed():
    records = records_of(busy_desk(), 4)
    for index, record in enumerate(records[1:], 1):
        commands = record.commands
        for wrong in (commands[1:], [*commands[1:], commands[0]], [*commands, commands[-1]]):
            tampered = [*records[:index], replace(record, commands=wrong), *records[index + 1 :]]
            if wrong != commands and any(type(each).__name__ in ("PlaceOrder", "AmendOrder") for each in commands):
                recovery = Recovery()
                with pytest.raises(JournalCorrupt, match="another state"):
                    recovery.take(tampered)
                    # What only moved marks and balances shows in the hash of the whole state at the latest.
                    recovery.take([replace(record, commands=[], digest=0)])


def test_a_snapshot_that_is_not_what_it_says_is_refused():
    desk = busy_desk()
    kept = keep(desk.exchange, len(desk.commands))
    for position in range(0, len(kept), 97):
        broken = kept[:position] + bytes([kept[position] ^ 1]) + kept[position + 1 :]
        with pytest.raises(JournalCorrupt, match="checksum"):
            Recovery().load(broken)


def test_commands_before_a_configuration_are_no_journal():
    with pytest.raises(JournalCorrupt, match="configuration"):
        Recovery().take(records_of(busy_desk(), 9)[1:])


def test_fees_and_rules_may_change_and_the_state_stays():
    desk = busy_desk()
    recovery = Recovery()
    recovery.take(records_of(desk, 9))
    other = replace(desk.config, fees=FeeSchedule.flat(1, 2))
    exchange = recovery.configure(other)
    assert exchange.state_hash() == desk.exchange.state_hash() and exchange.config == other
    again = Recovery()
    again.take([*records_of(desk, 9), ExchangeConfigured(config=other)])
    assert again.exchange.state_hash() == exchange.state_hash()


def test_what_would_give_the_state_another_meaning_may_not_change():
    desk = Desk()
    (eth,) = desk.config.instruments
    for wrong in (
        replace(desk.config, instruments=[], rules={}),
        replace(desk.config, instruments=[replace(eth, tick_size=Decimal("0.1"))]),
        replace(desk.config, instruments=[replace(eth, lot_size=Decimal("0.001"))]),
        replace(desk.config, settles=False),
    ):
        recovery = Recovery()
        recovery.take([ExchangeConfigured(config=desk.config)])
        with pytest.raises(ConfigInvalid):
            recovery.configure(wrong)
