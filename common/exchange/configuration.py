"""What an exchange is made of. It is journaled, since the same commands do other things in another exchange."""

import msgspec

from common.exchange.fees.schedule import FeeSchedule
from common.exchange.margin.rules import PerpetualRules
from common.exchange.rules import MarketRules
from common.model.instrument import Instrument


class Features(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What may be switched off; commands of a feature that is off are refused with FEATURE_OFF."""

    vaults: bool = True
    pools: bool = True
    grids: bool = True
    quotes: bool = True
    strategies: bool = True
    rebates: bool = True
    analytics: bool = True


class ExchangeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Markets, fees and features.

    fees           what trades cost, by volume; without the feature `rebates` nobody is paid for trading
    rules          by symbol; a market without any has the defaults of MarketRules
    perpetuals     by symbol: which instruments are perpetuals, all others are spot
    trade_groups   by account: accounts of one group belong together, and do not trade with each other
    quote_spread_bps_min   no quote's prices are ever closer than this part of the middle between them
    settles        False = the book alone: no balances, no fees, nobody needs to deposit
    """

    instruments: list[Instrument]
    fees: FeeSchedule
    rules: dict[str, MarketRules] = {}
    perpetuals: dict[str, PerpetualRules] = {}
    trade_groups: dict[str, str] = {}
    features: Features = Features()
    quote_spread_bps_min: int = 0
    settles: bool = True

    def __post_init__(self) -> None:
        symbols = [each.symbol for each in self.instruments]
        if len(set(symbols)) != len(symbols):
            raise ValueError(f"every symbol must be there once: {symbols}")
        if not 0 <= self.quote_spread_bps_min < 20_000:
            raise ValueError(f"quote_spread_bps_min must be 0 to 19999, got {self.quote_spread_bps_min}")
        for name in ("rules", "perpetuals"):
            if unknown := sorted(set(getattr(self, name)) - set(symbols)):
                raise ValueError(f"{name} of {unknown[0]}, which is no instrument")
