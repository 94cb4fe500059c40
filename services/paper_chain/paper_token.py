"""The one call that only our own token has."""

from common.chain.abi import Call, Function

_MINT = Function("mint(address,uint256)")


def mint(token: str, recipient: str, amount: int) -> Call[None]:
    """Write: make money out of nothing."""
    return Call(token, _MINT.encode(recipient, amount), lambda _data: None)
