"""What snapshots keep of margin accounts."""

import msgspec

from common.exchange.margin.accounts import MarginAccount, Part, Position


class PartState(msgspec.Struct, frozen=True, kw_only=True):
    """A `Part`, field by field."""

    lots: int
    cost: int


class PositionState(msgspec.Struct, frozen=True, kw_only=True):
    """A `Position`, field by field."""

    lots: int
    cost: int
    isolated: int | None
    leverage: int
    bid_lots: int
    ask_lots: int
    order_loss: int
    parts: dict[str, PartState]


class MarginAccountState(msgspec.Struct, frozen=True, kw_only=True):
    """A `MarginAccount`, field by field."""

    wallet: int
    positions: dict[str, PositionState]


MarginState = dict[str, dict[str, MarginAccountState]]
"""Margin accounts by asset and account."""


def state_of(by_asset: dict[str, dict[str, MarginAccount]]) -> MarginState:
    """What a snapshot keeps."""
    return {
        asset: {name: MarginAccountState(wallet=each.wallet, positions=_positions(each)) for name, each in held.items()}
        for asset, held in by_asset.items()
    }


def accounts_from(state: MarginState) -> dict[str, dict[str, MarginAccount]]:
    """What a snapshot kept."""
    return {asset: {name: _account(each) for name, each in held.items()} for asset, held in state.items()}


def _positions(account: MarginAccount) -> dict[str, PositionState]:
    return {
        symbol: PositionState(
            lots=each.lots, cost=each.cost, isolated=each.isolated, leverage=each.leverage, bid_lots=each.bid_lots,
            ask_lots=each.ask_lots, order_loss=each.order_loss,
            parts={number: PartState(lots=part.lots, cost=part.cost) for number, part in each.parts.items()},
        )
        for symbol, each in account.positions.items()
    }  # fmt: skip


def _account(state: MarginAccountState) -> MarginAccount:
    account = MarginAccount(state.wallet)
    account.positions = {symbol: _position(each) for symbol, each in state.positions.items()}
    return account


def _position(state: PositionState) -> Position:
    position = Position()
    position.lots, position.cost, position.isolated = state.lots, state.cost, state.isolated
    position.leverage, position.order_loss = state.leverage, state.order_loss
    position.bid_lots, position.ask_lots = state.bid_lots, state.ask_lots
    position.parts = {number: Part(part.lots, part.cost) for number, part in state.parts.items()}
    return position
