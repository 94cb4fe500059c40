"""Holdings to decide about: 20 base and 54,000 quote around a price of 2,700, in either token order."""

from common.amm.fees import Growth
from common.amm.liquidity import liquidity_of_amounts
from common.amm.pair import Pair
from common.amm.position import Range
from common.amm.tick_math import tick_at_sqrt_price
from common.strategy.lp_holdings import Holdings, OwnedRange
from common.strategy.lp_pool import PoolView

BASE, QUOTE = 20 * 10**18, 54_000 * 10**6
PAIRS = [
    Pair(base_is_token0=order, base_decimals=18, quote_decimals=6, tick_spacing=10, fee_ppm=500)
    for order in (True, False)
]


def idle(pair: Pair, price: float = 2700.0, base: int = BASE, quote: int = QUOTE) -> Holdings:
    """Everything in the wallet."""
    sqrt_price = pair.sqrt_price_of(price)
    tick = tick_at_sqrt_price(sqrt_price)
    return Holdings(pair=pair, sqrt_price_x96=sqrt_price, tick=tick, ranges=(), idle_base=base, idle_quote=quote)


def standing(pair: Pair, price: float = 2700.0, anchor: float = 2700.0, steps: int = 3) -> Holdings:
    """One range of `steps` spacings to each side of the anchor, seen at `price`."""
    middle = round(pair.steps_of(anchor))
    bounds = pair.range_of(middle - steps, middle + steps)
    liquidity = liquidity_of_amounts(pair.sqrt_price_of(anchor), *bounds, *pair.order(BASE, QUOTE))
    owned = OwnedRange(key="0xmint", token_id=7, range=Range(*bounds, liquidity))
    sqrt_price = pair.sqrt_price_of(price)
    return Holdings(
        pair=pair, sqrt_price_x96=sqrt_price, tick=tick_at_sqrt_price(sqrt_price), ranges=(owned,),
        idle_base=0, idle_quote=0,
    )  # fmt: skip


def view(pair: Pair, price: float = 2700.0, twap: float | None = None, **more: object) -> PoolView:
    """A pool at `price`, with whatever else is known of it."""
    sqrt_price = pair.sqrt_price_of(price)
    facts = {
        "pool_id": f"pool-{pair.fee_ppm}", "pair": pair, "sqrt_price_x96": sqrt_price,
        "tick": tick_at_sqrt_price(sqrt_price), "liquidity": 0, "growth": Growth(0, 0),
        "twap_tick": None if twap is None else pair.tick_of(twap), **more,
    }  # fmt: skip
    return PoolView(**facts)  # type: ignore[arg-type]
