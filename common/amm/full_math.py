"""Integer divisions as the EVM's pool does them, and the widths that its words have."""

from common.model.errors import InputInvalid

Q96 = 1 << 96
Q128 = 1 << 128
UINT128_MAX = (1 << 128) - 1
UINT160_MAX = (1 << 160) - 1
UINT256_MAX = (1 << 256) - 1


def divide_up(numerator: int, denominator: int) -> int:
    """Quotient of two numbers that are not negative, rounded up."""
    return -(-numerator // denominator)


def mul_div_up(a: int, b: int, denominator: int) -> int:
    """a * b / denominator, rounded up, with no overflow in between."""
    return -(-a * b // denominator)


def require_uint(what: str, value: int, bits: int) -> int:
    """The value itself if it fits an unsigned word of `bits`; raises InputInvalid."""
    if not 0 <= value < 1 << bits:
        raise InputInvalid(what, "amm", f"an unsigned {bits}-bit integer", value)
    return value
