"""What snapshots keep of analytics, and answers show."""

import msgspec

from common.exchange.analytics.day import Bucket, RollingDay
from common.exchange.analytics.equity import Capital
from common.exchange.analytics.figures import Figures
from common.exchange.analytics.records import AccountRecord, MarketFigures, Records


class FiguresState(msgspec.Struct, frozen=True, kw_only=True):
    """`Figures`, field by field."""

    first_ns: int
    last_ns: int
    maker_units: int
    taker_units: int
    maker_trades: int
    taker_trades: int
    fees_units: int
    rebates_units: int
    funding_units: int
    gross_units: int
    wins: int
    losses: int
    lots: int
    cost_units: int


class BucketState(msgspec.Struct, frozen=True, kw_only=True):
    """A `Bucket`, field by field."""

    index: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    lots: int
    tick_lots: int
    trades: int


class RollingDayState(msgspec.Struct, frozen=True, kw_only=True):
    """A `RollingDay`."""

    buckets: list[BucketState]


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """An `AccountRecord`."""

    markets: dict[str, FiguresState]
    capital: dict[str, Capital]


class RecordsState(msgspec.Struct, frozen=True, kw_only=True):
    """The `Records`."""

    accounts: dict[str, AccountState]
    tags: dict[str, dict[str, FiguresState]]
    days: dict[str, RollingDayState]
    next_hour: int


class AnalyticsState(msgspec.Struct, frozen=True, kw_only=True):
    """The records as JSON: sums over years do not fit the 64 bits of other encodings."""

    records: bytes


FIELDS = FiguresState.__struct_fields__
BUCKET_FIELDS = BucketState.__struct_fields__


def state_of(records: Records) -> AnalyticsState:
    """What a snapshot keeps."""
    state = RecordsState(
        accounts={
            account: AccountState(markets=figures_state(each.markets), capital=each.capital)
            for account, each in records.accounts.items()
        },
        tags={tag: figures_state(markets) for tag, markets in records.tags.items()},
        days={symbol: _day_state(day) for symbol, day in records.days.items()},
        next_hour=records.next_hour,
    )
    return AnalyticsState(records=msgspec.json.encode(state))


def records_of(state: AnalyticsState) -> Records:
    """What a snapshot kept."""
    kept, records = msgspec.json.decode(state.records, type=RecordsState), Records()
    for account, each in kept.accounts.items():
        record = records.accounts[account] = AccountRecord()
        record.markets, record.capital = _figures_of(each.markets), each.capital
    records.tags = {tag: _figures_of(markets) for tag, markets in kept.tags.items()}
    records.days = {symbol: _day_of(day) for symbol, day in kept.days.items()}
    records.next_hour = kept.next_hour
    return records


def figures_state(markets: MarketFigures) -> dict[str, FiguresState]:
    """Figures by market, to be shown or kept."""
    return {symbol: FiguresState(**{name: getattr(each, name) for name in FIELDS}) for symbol, each in markets.items()}


def _figures_of(markets: dict[str, FiguresState]) -> MarketFigures:
    found = MarketFigures()
    for symbol, state in markets.items():
        figures = found[symbol] = Figures(state.first_ns)
        for name in FIELDS:
            setattr(figures, name, getattr(state, name))
    return found


def _day_state(day: RollingDay) -> RollingDayState:
    return RollingDayState(
        buckets=[BucketState(**{name: getattr(each, name) for name in BUCKET_FIELDS}) for each in day.buckets]
    )


def _day_of(state: RollingDayState) -> RollingDay:
    day = RollingDay()
    for kept in state.buckets:
        bucket = Bucket(kept.index, kept.open_ticks)
        for name in BUCKET_FIELDS:
            setattr(bucket, name, getattr(kept, name))
        day.buckets.append(bucket)
    return day
