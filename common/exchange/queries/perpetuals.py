"""Perpetuals beside single accounts: oracle and funding, positions in parts, liquidations, the insurance."""

import msgspec

from common.exchange.exchange import Exchange
from common.exchange.margin.liquidation import Pending
from common.exchange.queries.accounts import entry_price


class FundingView(msgspec.Struct, frozen=True, kw_only=True):
    """A perpetual's funding; rates at 1e-9.

    premium      mean of this hour's samples so far
    rate         of eight hours, as it was paid at the last full hour; `settled_ns` is when
    """

    symbol: str
    oracle_ticks: int
    mark_ticks: int
    premium: int
    samples: int
    rate: int
    settled_ns: int


class PartView(msgspec.Struct, frozen=True, kw_only=True):
    """A part that was split off a position, lots negative = short. Money in 1e-8 of the collateral."""

    symbol: str
    part: str
    lots: int
    entry_price: str
    cost_units: int


class InsuranceView(msgspec.Struct, frozen=True, kw_only=True):
    """What the insurance has of a collateral, in 1e-8 of it."""

    asset: str
    units: int


def funding(exchange: Exchange) -> list[FundingView]:
    """Oracle price, premium and funding rate of every perpetual."""
    clearing, views = exchange.clearing, list[FundingView]()
    for symbol, market in exchange.margin.markets.items():
        window = clearing.funding.state.windows.get(symbol)
        views.append(
            FundingView(
                symbol=symbol,
                oracle_ticks=clearing.oracle.state.prices.get(symbol, 0),
                mark_ticks=market.facts.mark,
                premium=window.premium_sum // window.samples if window and window.samples else 0,
                samples=window.samples if window else 0,
                rate=window.rate if window else 0,
                settled_ns=window.settled_ns if window else 0,
            )
        )
    return views


def parts(exchange: Exchange, account: str) -> list[PartView]:
    """What was split off an account's positions."""
    held = [each[account] for each in exchange.margin.accounts.by_asset.values() if account in each]
    return [
        PartView(
            symbol=symbol,
            part=number,
            lots=part.lots,
            entry_price=entry_price(exchange, symbol, part.lots, part.cost),
            cost_units=part.cost,
        )
        for owner in held
        for symbol, position in owner.positions.items()
        for number, part in position.parts.items()
    ]


def liquidations(exchange: Exchange) -> list[Pending]:
    """Liquidations that go on."""
    return list(exchange.clearing.liquidation.state.pending.values())


def insurance(exchange: Exchange) -> list[InsuranceView]:
    """What the insurance has."""
    assets = sorted({market.asset for market in exchange.margin.markets.values()})
    balance = exchange.clearing.insurance.balance
    return [InsuranceView(asset=asset, units=balance(asset)) for asset in assets]
