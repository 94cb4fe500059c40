"""Trap 44: what happens is told with its time, and what can be asked can be asked safely twice."""

from typing import get_args

import msgspec

from common.exchange.catalogue import AnyCommand
from common.exchange.commands import Command
from common.exchange.events import Event, RejectReason
from common.exchange.margin.commands import MoveCollateral
from tests.unit.exchange.margin.perpetual_desk import UNIT, PerpetualDesk, refusal


def every(root: type) -> set[type]:
    """A class and all that come from it."""
    return {root}.union(*(every(each) for each in root.__subclasses__()))


def test_trap_44_every_event_has_a_time_and_every_command_a_time_and_a_nonce():
    assert len(every(Event)) > 60 and len(every(Command)) > 50
    for event in every(Event):
        assert "time_ns" in event.__struct_fields__
    for command in every(Command):
        assert {"time_ns", "nonce"} <= set(command.__struct_fields__)
    # What a journal could not decode would be lost at the next restart.
    assert every(Command) - {Command} <= set(get_args(AnyCommand)), "a command is in no catalogue"


def test_trap_44_a_repeated_request_is_carried_out_once():
    desk = PerpetualDesk("a", money=1_000)
    asked = {"account": "a", "asset": "USD", "units": -100 * UNIT, "nonce": 7}
    (told,) = desk.run(MoveCollateral, **asked)
    assert told.time_ns == desk.exchange.time_ns and told.units == -100 * UNIT
    assert refusal(desk.run(MoveCollateral, **asked)) is RejectReason.STALE_NONCE
    assert desk.wallet("a") == 900
    again = desk.loaded()
    (event,) = again.execute(MoveCollateral(time_ns=again.time_ns + 1, **asked))
    assert event.reason is RejectReason.STALE_NONCE, "a restart forgets which requests were carried out"
    assert msgspec.msgpack.encode(event)
