"""The SwapRouter and the QuoterV2."""

import msgspec

from common.chain.abi import Call, Function

_EXACT_INPUT_SINGLE = Function(
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))", "(uint256)"
)
_QUOTE = Function("quoteExactInputSingle((address,address,uint256,uint24,uint160))", "(uint256,uint160,uint32,uint256)")


class SwapParams(msgspec.Struct, frozen=True, kw_only=True):
    """Sell up to `amount_in` of one token. `sqrt_price_limit_x96` 0 = none; with a limit, or when liquidity ends, the
    swap fills partially and does not revert: read the amounts from its Swap event.
    """

    token_in: str
    token_out: str
    fee_ppm: int
    recipient: str
    deadline_s: int
    amount_in: int
    amount_out_min: int
    sqrt_price_limit_x96: int = 0


class Quote(msgspec.Struct, frozen=True):
    """What a swap would give now."""

    amount_out: int
    sqrt_price_x96_after: int
    ticks_crossed: int
    gas: int


def exact_input_single(router: str, params: SwapParams) -> Call[int]:
    """Write: swap through one pool; returns the amount received."""
    data = _EXACT_INPUT_SINGLE.encode(msgspec.structs.astuple(params))
    return Call(router, data, lambda result: _EXACT_INPUT_SINGLE.decode(result)[0])


def quote_exact_input_single(
    quoter: str, token_in: str, token_out: str, amount_in: int, fee_ppm: int, sqrt_price_limit_x96: int = 0
) -> Call[Quote]:
    """Read: what `amount_in` would give, from the pool's own code."""
    data = _QUOTE.encode((token_in, token_out, amount_in, fee_ppm, sqrt_price_limit_x96))
    return Call(quoter, data, lambda result: Quote(*_QUOTE.decode(result)))
