"""ERC-20 tokens, and the wrapper of the native coin (WETH9)."""

from common.chain.abi import Call, Function

_BALANCE_OF = Function("balanceOf(address)", "(uint256)")
_ALLOWANCE = Function("allowance(address,address)", "(uint256)")
_DECIMALS = Function("decimals()", "(uint8)")
_APPROVE = Function("approve(address,uint256)", "(bool)")
_TRANSFER = Function("transfer(address,uint256)", "(bool)")
_DEPOSIT = Function("deposit()")
_WITHDRAW = Function("withdraw(uint256)")


def balance_of(token: str, owner: str) -> Call[int]:
    """Read: raw units owned."""
    return Call(token, _BALANCE_OF.encode(owner), lambda data: _BALANCE_OF.decode(data)[0])


def allowance(token: str, owner: str, spender: str) -> Call[int]:
    """Read: raw units that `spender` may still take from `owner`."""
    return Call(token, _ALLOWANCE.encode(owner, spender), lambda data: _ALLOWANCE.decode(data)[0])


def decimals(token: str) -> Call[int]:
    """Read: decimal places of one whole token."""
    return Call(token, _DECIMALS.encode(), lambda data: _DECIMALS.decode(data)[0])


def approve(token: str, spender: str, amount: int) -> Call[bool]:
    """Write: let `spender` take up to `amount`; replaces the allowance that was there."""
    return Call(token, _APPROVE.encode(spender, amount), lambda data: _APPROVE.decode(data)[0])


def transfer(token: str, recipient: str, amount: int) -> Call[bool]:
    """Write: send raw units."""
    return Call(token, _TRANSFER.encode(recipient, amount), lambda data: _TRANSFER.decode(data)[0])


def wrap(weth: str, amount_wei: int) -> Call[None]:
    """Write: native coin into WETH."""
    return Call(weth, _DEPOSIT.encode(), lambda _data: None, value=amount_wei)


def unwrap(weth: str, amount_wei: int) -> Call[None]:
    """Write: WETH into native coin."""
    return Call(weth, _WITHDRAW.encode(amount_wei), lambda _data: None)
