"""Positions in parts: split off, merged again, given to another account of the same trade group.

Only to the same group, because otherwise a position that loses could be pushed onto a stranger; and to no account that
somebody manages for others, because it would be pushed onto them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from common.exchange.admission import is_whole
from common.exchange.core import Core
from common.exchange.events import SPECIAL_ACCOUNTS, RejectReason
from common.exchange.margin.accounts import MarginAccount, Part, Position
from common.exchange.margin.bankruptcy import share
from common.exchange.margin.commands import MergePosition, SplitPosition, TransferPosition
from common.exchange.margin.events import PositionMerged, PositionSplit, PositionTransferred
from common.exchange.refusal import Refused

PARTS_MAX = 10
"""Parts of one account in one market."""


class PartsState(msgspec.Struct):
    """The number of the newest part of all."""

    last_part: int = 0


class Moved(NamedTuple):
    """What a transfer moves, and the profit that the receiver realises because it closes an opposite position."""

    lots: int
    cost: int
    collateral: int
    realised: int


class Parts:
    """Carries out what owners do with pieces of their positions."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.state = PartsState()
        self.handlers: dict[Any, Callable[[Any], None]] = {
            SplitPosition: self.split,
            MergePosition: self.merge,
            TransferPosition: self.transfer,
        }

    def split(self, command: SplitPosition) -> None:
        """A piece of a position becomes a part."""
        core, account, symbol = self._core, command.account, command.symbol
        owner, position = self._look(account, symbol)
        if not is_whole(command.lots, 1, abs(position.lots) - 1):
            raise Refused(RejectReason.QUANTITY_INVALID, f"1 to {abs(position.lots) - 1} lots, got {command.lots!r}")
        if len(position.parts) >= PARTS_MAX:
            raise Refused(RejectReason.TOO_MANY_PARTS, f"at most {PARTS_MAX}")
        part, before = _cut(position, command.lots), position.lots
        number = str(self.state.last_part + 1)
        after = position.copy()
        after.lots, after.cost = position.lots - part.lots, position.cost - part.cost
        after.parts[number] = part
        # Orders that would have closed the lots may now open others instead.
        more = core.margin.order_margin(symbol, after, after.worst_lots)
        more -= core.margin.order_margin(symbol, position, position.worst_lots)
        if more > 0 and core.margin.available(owner) < more:
            raise Refused(RejectReason.INSUFFICIENT_MARGIN)
        self.state.last_part += 1
        position.lots, position.cost, position.parts = after.lots, after.cost, after.parts
        core.markets[symbol].trim(account, before)
        core.tell(
            PositionSplit(
                time_ns=core.time_ns,
                account=account,
                symbol=symbol,
                part=number,
                lots=part.lots,
                cost_units=part.cost,
            )
        )

    def merge(self, command: MergePosition) -> None:
        """A part goes back."""
        _owner, position = self._look(command.account, command.symbol)
        if command.part not in position.parts:
            raise Refused(RejectReason.UNKNOWN_POSITION, f"part {command.part!r}")
        self._merge(command.account, command.symbol, command.part)

    def merge_all(self, account: str, symbol: str) -> None:
        """All parts of a position go back."""
        for number in list(self._core.margin.position(account, symbol).parts):
            self._merge(account, symbol, number)

    def transfer(self, command: TransferPosition) -> None:
        """A piece goes to another account, if both can afford what they have then."""
        core, symbol = self._core, command.symbol
        owner, position = self._look(command.account, symbol)
        receiver, taking = self._receiver(command, position)
        if command.part:
            if command.lots:
                raise Refused(RejectReason.TERMS_INVALID, "a part moves whole: lots and part exclude each other")
            if command.part not in position.parts:
                raise Refused(RejectReason.UNKNOWN_POSITION, f"part {command.part!r}")
        elif not is_whole(command.lots, 1, abs(position.lots)):
            raise Refused(RejectReason.QUANTITY_INVALID, f"1 to {abs(position.lots)} lots, got {command.lots!r}")
        trials = owner.copy(), receiver.copy()
        self._move(*trials, command)
        for trial in trials:
            if not self._has_initial(trial, symbol):
                raise Refused(RejectReason.INSUFFICIENT_MARGIN)
        asset = core.margin.markets[symbol].asset
        before = position.lots, taking.lots
        moved = self._move(owner, core.margin.accounts.open(command.receiver, asset), command)
        for account, lots in zip((command.account, command.receiver), before, strict=True):
            core.margin.note_holder(account, symbol, core.margin.position(account, symbol))
            core.markets[symbol].trim(account, lots)
        core.tell(
            PositionTransferred(
                time_ns=core.time_ns,
                account=command.account,
                symbol=symbol,
                receiver=command.receiver,
                part=command.part,
                lots=moved.lots,
                cost_units=moved.cost,
                collateral_units=moved.collateral,
                realised_units=moved.realised,
            )
        )

    def _look(self, account: str, symbol: str) -> tuple[MarginAccount, Position]:
        """The account and its position, which is open and not in liquidation."""
        margin = self._core.margin
        perpetual = margin.markets.get(symbol)
        if perpetual is None:
            raise Refused(RejectReason.NOT_A_PERPETUAL, symbol)
        if margin.is_liquidating(account):
            raise Refused(RejectReason.IN_LIQUIDATION, account)
        owner = margin.account(account, perpetual.asset)
        position = owner.positions.get(symbol)
        if position is None or not position.is_open:
            raise Refused(RejectReason.UNKNOWN_POSITION, symbol)
        return owner, position

    def _receiver(self, command: TransferPosition, position: Position) -> tuple[MarginAccount, Position]:
        core, receiver = self._core, command.receiver
        group = core.groups.get(command.account)
        if receiver == command.account or receiver in SPECIAL_ACCOUNTS or receiver in core.managers:
            raise Refused(RejectReason.UNKNOWN_ACCOUNT, receiver)
        if group is None or core.groups.get(receiver) != group:
            raise Refused(RejectReason.NOT_ONE_GROUP, f"{command.account} and {receiver}")
        if core.margin.is_liquidating(receiver):
            raise Refused(RejectReason.IN_LIQUIDATION, receiver)
        taking = core.margin.position(receiver, command.symbol)
        if (taking.isolated is None) is not (position.isolated is None):
            raise Refused(RejectReason.MARGIN_MODE_DIFFERS)
        return core.margin.account(receiver, core.margin.markets[command.symbol].asset), taking

    def _move(self, owner: MarginAccount, receiver: MarginAccount, command: TransferPosition) -> Moved:
        position, gross = owner.positions[command.symbol], owner.positions[command.symbol].gross_lots
        if command.part:
            piece = position.parts.pop(command.part)
        else:
            piece = _cut(position, command.lots)
            position.lots, position.cost = position.lots - piece.lots, position.cost - piece.cost
        taking = receiver.positions.get(command.symbol)
        if taking is None:
            taking = receiver.positions[command.symbol] = Position()
        collateral = 0
        if position.isolated is not None and taking.isolated is not None:
            collateral = share(position.isolated, abs(piece.lots), gross)
            position.isolated -= collateral
            taking.isolated += collateral
        realised = self._core.margin.take_into(receiver, command.symbol, taking, piece.lots, piece.cost)
        return Moved(piece.lots, piece.cost, collateral, realised)

    def _has_initial(self, owner: MarginAccount, symbol: str) -> bool:
        margin, position = self._core.margin, owner.positions[symbol]
        if position.isolated is not None:
            market = margin.markets[symbol]
            needed = market.table.initial(position.gross_lots * market.lot_value, position.leverage)
            if margin.isolated_equity(symbol, position) < needed:
                return False
        return margin.available(owner) >= 0

    def _merge(self, account: str, symbol: str, number: str) -> None:
        core, margin = self._core, self._core.margin
        owner = margin.accounts.open(account, margin.markets[symbol].asset)
        position = owner.positions[symbol]
        before, gross = position.lots, position.gross_lots
        part = position.parts.pop(number)
        realised = position.take(part.lots, part.cost)
        if position.isolated is None:
            owner.wallet += realised
        elif position.gross_lots < gross:
            margin.settle_isolated(owner, symbol, position, gross, False, realised)
        margin.note_holder(account, symbol, position)
        core.markets[symbol].trim(account, before)
        core.tell(
            PositionMerged(time_ns=core.time_ns, account=account, symbol=symbol, part=number, realised_units=realised)
        )


def _cut(position: Position, lots: int) -> Part:
    """The piece of a position that has so many of its lots; the rounding of the cost stays with the rest."""
    return Part(lots=lots if position.lots > 0 else -lots, cost=share(position.cost, lots, abs(position.lots)))
