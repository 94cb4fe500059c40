"""The Uniswap V3 factory: which pools there are."""

from common.chain.abi import Call, Function

_ENABLE_FEE = Function("enableFeeAmount(uint24,int24)")
_GET_POOL = Function("getPool(address,address,uint24)", "(address)")


def get_pool(factory: str, token_a: str, token_b: str, fee_ppm: int) -> Call[str]:
    """Read: the pool's address, or the zero address if nobody made it."""
    return Call(factory, _GET_POOL.encode(token_a, token_b, fee_ppm), lambda data: _GET_POOL.decode(data)[0])


def enable_fee(factory: str, fee_ppm: int, tick_spacing: int) -> Call[None]:
    """Write, for the factory's owner: allow pools of one more fee. A new factory knows 500, 3000 and 10000."""
    return Call(factory, _ENABLE_FEE.encode(fee_ppm, tick_spacing), lambda _data: None)
