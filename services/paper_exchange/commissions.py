"""What trading costs an account, as Binance tells it: rates as decimals, no taxes, no discounts, no special rates."""

from decimal import Decimal

from common.exchange.fees.schedule import BPS_RATE
from common.exchange.fees.standing import FeeStanding
from common.exchange.money import RATE_SCALE
from services.paper_exchange.wire import ZERO, Json

NOTHING = {"maker": ZERO, "taker": ZERO, "buyer": ZERO, "seller": ZERO}
NO_DISCOUNT = {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": ZERO}


def whole_bps(standing: FeeStanding) -> tuple[int, int]:
    """Maker's and taker's rate in whole basis points."""
    return int(Decimal(standing.maker_rate) / BPS_RATE), int(Decimal(standing.taker_rate) / BPS_RATE)


def commission_rates(standing: FeeStanding) -> Json:
    """The four rates: nothing depends on the side."""
    maker, taker = (f"{Decimal(rate) / RATE_SCALE:.8f}" for rate in (standing.maker_rate, standing.taker_rate))
    return NOTHING | {"maker": maker, "taker": taker}


def account_commission(symbol: str, standing: FeeStanding) -> Json:
    """What account/commission answers."""
    return {
        "symbol": symbol,
        "standardCommission": commission_rates(standing),
        "specialCommission": NOTHING,
        "taxCommission": NOTHING,
        "discount": NO_DISCOUNT,
    }


def commission_for_order(standing: FeeStanding) -> Json:
    """What a tested order would cost."""
    rates = commission_rates(standing)
    nothing = {"maker": ZERO, "taker": ZERO}
    return {
        "standardCommissionForOrder": {name: rates[name] for name in nothing},
        "specialCommissionForOrder": nothing,
        "taxCommissionForOrder": nothing,
        "discount": NO_DISCOUNT,
    }
