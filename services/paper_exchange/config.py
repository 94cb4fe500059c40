"""Settings of the paper venue."""

import math
import re
from collections.abc import Iterable
from decimal import Decimal

import msgspec

from common.exchange.configuration import Features
from common.exchange.events import SPECIAL_ACCOUNTS
from common.exchange.fees.schedule import FeeSchedule, FeeTier, ShareRebate
from common.exchange.margin.rules import PerpetualRules
from common.exchange.money import rate_from_bps, units_from_text
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument
from common.storage.journal import Durability
from services.paper_exchange.synthetic import SyntheticMarket

ACCOUNT = "paper"
"""The customer of a paper venue that is always there: the fleet's own account."""

_ACCOUNT_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")


class AccountConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[accounts.NAME]`: one more customer, with keys of its own.

    `balances`: what it owns when it is first seen; `margin_balances`: the same in its futures wallet.
    """

    balances: dict[str, Decimal] = {}
    margin_balances: dict[str, Decimal] = {}

    def deposits(self) -> dict[str, int]:
        """In units of 1e-8. Raises ValueError for amounts that these cannot hold."""
        return {asset: units_from_text(amount) for asset, amount in self.balances.items()}

    def collateral(self) -> dict[str, int]:
        """In units of 1e-8. Raises ValueError for amounts that these cannot hold."""
        return {asset: units_from_text(amount) for asset, amount in self.margin_balances.items()}


class FeeTierConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[fee_tiers]]`: fees from a 30-day volume on, in whole units of the quote asset."""

    volume_min: Decimal
    maker_fee_bps: Decimal
    taker_fee_bps: Decimal

    def tier(self) -> FeeTier:
        """In units and rates. Raises ValueError for numbers that these cannot hold."""
        taker_rate, maker_rate = rate_from_bps(self.taker_fee_bps), rate_from_bps(self.maker_fee_bps)
        return FeeTier(units_from_text(self.volume_min), taker_rate, maker_rate)


class MakerRebateConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[maker_rebates]]`: what a share of the venue's maker volume adds to the maker fee, a negative number."""

    share_above_percent: Decimal
    rebate_bps: Decimal

    def rebate(self) -> ShareRebate:
        """In rates. Raises ValueError for numbers that these cannot hold."""
        return ShareRebate(rate_from_bps(self.share_above_percent * 100), rate_from_bps(self.rebate_bps))


class PaperExchangeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`paper_exchange-<venue>.toml`.

    `balances`: what the account "paper" owns at its very first start, by asset; `accounts` are others beside it. Fees
    in bps of what a trade brings, charged in that asset; negative = rebate. They are the same for everybody unless
    there are `fee_tiers`, which then hold instead of them; `maker_rebates` come on top. `speed`: how fast market flow
    passes (1 = real time).
    `journal_durability`: "process" survives kill -9, "full" a power cut too. `request_weight_max` per minute,
    `orders_10s_max` and `orders_day_max` are Binance's limits. `frames_queued_max`: a client that reads slower than
    that is cut off. `snapshot_commands`: so often the whole state is kept. `expires_open_orders`: a start ends all that
    rests, since the market of a recording begins anew with it; otherwise orders go on resting.
    `perpetuals`: which of the venue's instruments are perpetuals, by symbol, and their rules; all others are spot.
    `rules`: bands, slippage limit, breaker and more of markets, by symbol. `features`: what is switched off.
    `trade_groups`: accounts that belong together, by account: they do not trade with each other.
    `recordings`: a recording for some markets, by symbol; all others replay the fleet's, or are synthetic without one.
    `margin_balances`: what the account "paper" owns in its futures wallet when that is first used, by asset.
    `oracle_from_world`: oracle prices follow the outside world's; otherwise somebody has to tell them (SetOracle).
    `futures_weight_max` per minute, `futures_orders_10s_max` and `futures_orders_minute_max` are limits of USD-M.
    """

    balances: dict[str, Decimal]
    accounts: dict[str, AccountConfig] = {}
    maker_fee_bps: Decimal = Decimal(0)
    taker_fee_bps: Decimal = Decimal(5)
    fee_tiers: tuple[FeeTierConfig, ...] = ()
    maker_rebates: tuple[MakerRebateConfig, ...] = ()
    speed: float = 1.0
    journal_durability: Durability = "process"
    request_weight_max: int = 6_000
    orders_10s_max: int = 100
    orders_day_max: int = 200_000
    frames_queued_max: int = 5_000
    snapshot_commands: int = 20_000
    expires_open_orders: bool = True
    synthetic: SyntheticMarket = SyntheticMarket()
    perpetuals: dict[str, PerpetualRules] = {}
    recordings: dict[str, str] = {}
    margin_balances: dict[str, Decimal] = {}
    oracle_from_world: bool = True
    futures_weight_max: int = 2_400
    futures_orders_10s_max: int = 300
    futures_orders_minute_max: int = 1_200
    rules: dict[str, MarketRules] = {}
    features: Features = Features()
    trade_groups: dict[str, str] = {}

    def __post_init__(self) -> None:
        if not (math.isfinite(self.speed) and 0 < self.speed <= 1_000):
            raise ValueError(f"speed must be above 0 and at most 1000, got {self.speed}")
        if ACCOUNT in self.accounts:
            raise ValueError(f"accounts.{ACCOUNT}: what it owns is in [balances]")
        for name in self.__struct_fields__:
            if name.endswith(("_max", "_commands")) and getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name, account in self.customers.items():
            if not _ACCOUNT_NAME.fullmatch(name) or name in SPECIAL_ACCOUNTS:
                raise ValueError(f"accounts.{name}: 1 to 32 letters, digits, _ and -, no name of the venue's own")
            account.deposits()
            account.collateral()
        self.fee_schedule()

    @property
    def customers(self) -> dict[str, AccountConfig]:
        """All accounts by name, "paper" first."""
        return {ACCOUNT: AccountConfig(balances=self.balances, margin_balances=self.margin_balances)} | self.accounts

    def check_markets(self, instruments: Iterable[Instrument]) -> None:
        """Raise ValueError for recordings and futures wallets of markets that are none of these."""
        quotes = {each.symbol: each.quote for each in instruments}
        if unknown := sorted(set(self.recordings) - set(quotes)):
            raise ValueError(f"recordings of {unknown[0]}, which is no instrument")
        collateral = {quotes[symbol] for symbol in self.perpetuals}
        for name, account in self.customers.items():
            if unknown := sorted(set(account.margin_balances) - collateral):
                raise ValueError(f"margin_balances of {name}: no perpetual is settled in {unknown[0]}")

    def fee_schedule(self) -> FeeSchedule:
        """What trades cost. Raises ValueError when that is no sound schedule."""
        flat = FeeTierConfig(volume_min=Decimal(0), maker_fee_bps=self.maker_fee_bps, taker_fee_bps=self.taker_fee_bps)
        tiers = tuple(each.tier() for each in self.fee_tiers or (flat,))
        return FeeSchedule(tiers, tuple(each.rebate() for each in self.maker_rebates))
