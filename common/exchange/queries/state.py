"""The exchange as a whole: what it is made of, and the state of it in one number."""

import msgspec

from common.exchange.configuration import Features
from common.exchange.exchange import Exchange
from common.exchange.fees.schedule import FeeSchedule


class FeaturesView(msgspec.Struct, frozen=True, kw_only=True):
    """What is switched on, and the rooms that this exchange has."""

    features: Features
    rooms: list[str]


class StateHash(msgspec.Struct, frozen=True, kw_only=True):
    """The same for the same state, in every process and after every restart. `time_ns` is the newest command's."""

    state_hash: str
    time_ns: int


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Where all of an asset is, in 1e-8 of it.

    spot_units   balances of all accounts, customers' and the venue's own
    margin_units wallets and isolated collateral, less what positions cost
    total_units  the sum: deposits less withdrawals since the very first start
    """

    asset: str
    spot_units: int
    margin_units: int
    total_units: int


def features(exchange: Exchange) -> FeaturesView:
    """Features that the configuration switches on, and the rooms that there are."""
    return FeaturesView(features=exchange.config.features, rooms=list(exchange.rooms))


def fee_schedule(exchange: Exchange) -> FeeSchedule:
    """The price list: rates by volume of 30 days, and rebates by share of the venue's maker volume."""
    return exchange.config.fees


def state_hash(exchange: Exchange) -> StateHash:
    """The hash of the whole state; costs time in proportion to the state."""
    return StateHash(state_hash=exchange.state_hash(), time_ns=exchange.time_ns)


def holdings(exchange: Exchange) -> list[Holding]:
    """All money of the exchange by asset: it is what was deposited and not withdrawn, whatever was traded."""
    scales = exchange.ledger.scales.values()
    assets = sorted({asset: None for scale in scales for asset in (scale.base, scale.quote)})
    found = [(a, exchange.ledger.accounts.total(a), exchange.margin.accounts.total(a)) for a in assets]
    return [Holding(asset=a, spot_units=s, margin_units=m, total_units=s + m) for a, s, m in found]
