"""What Binance spot lets one account do, what each question costs, and where it tells how much is used."""

from collections.abc import Mapping

from common.venues.rate_pools import Cost, Pool, RatePools

WEIGHT, ORDERS_10S, ORDERS_1D = "weight_1m", "orders_10s", "orders_1d"

# Venue rules of 2024: 6,000 weight a minute for an address, 100 orders per 10 s and 200,000 a day for an account.
# The reserve is what cancels (weight 1, no order count) still may use when everything else is refused.
POOLS = [
    Pool(name=WEIGHT, limit=6_000, window_s=60, reserve=600),
    Pool(name=ORDERS_10S, limit=100, window_s=10, reserve=5),
    Pool(name=ORDERS_1D, limit=200_000, window_s=86_400, reserve=1_000),
]

PLACE: Cost = {WEIGHT: 1, ORDERS_10S: 1, ORDERS_1D: 1}
CANCEL: Cost = {WEIGHT: 1}
QUERY: Cost = {WEIGHT: 4}
OPEN_ORDERS: Cost = {WEIGHT: 6}
TRADES: Cost = {WEIGHT: 20}
ACCOUNT: Cost = {WEIGHT: 20}
TIME: Cost = {WEIGHT: 1}

_HEADERS = {
    "x-mbx-used-weight-1m": WEIGHT,
    "x-mbx-order-count-10s": ORDERS_10S,
    "x-mbx-order-count-1d": ORDERS_1D,
}


def take_usage(pools: RatePools, headers: Mapping[str, str], now_ns: int) -> None:
    """Overwrite our counts by those in an answer's headers (names in lower case); nonsense is left aside."""
    for header, name in _HEADERS.items():
        text = headers.get(header, "")
        if text.isascii() and text.isdigit() and len(text) < 12:
            pools.overwrite(name, int(text), now_ns)
