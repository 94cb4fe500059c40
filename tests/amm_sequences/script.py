"""A sequence file: pools and what is done to them, with what must come of it. Integers are strings, or plain."""

from pathlib import Path
from typing import Annotated

import msgspec

Integer = Annotated[int, msgspec.Meta(description="in files a decimal string: 256 bits do not fit JSON's numbers")]
WATCHED = ("sqrtPriceX96", "tick", "liquidity", "feeGrowthGlobal0X128", "feeGrowthGlobal1X128")


class ScriptInvalid(Exception):
    """A file that is no sequence."""


class After(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The pool after an operation; what is left out is not compared."""

    sqrtPriceX96: Integer | None = None
    tick: Integer | None = None
    liquidity: Integer | None = None
    feeGrowthGlobal0X128: Integer | None = None
    feeGrowthGlobal1X128: Integer | None = None


class _Op(msgspec.Struct, kw_only=True, tag_field="op", forbid_unknown_fields=True, omit_defaults=True):
    amount0: Integer
    amount1: Integer
    after: After | None = None


class Mint(_Op, tag="mint"):
    """A new NFT, or more liquidity for one that exists; the amounts paid."""

    id: str
    tickLower: Integer
    tickUpper: Integer
    amount0Desired: Integer
    amount1Desired: Integer
    liquidity: Integer


class Burn(_Op, tag="burn"):
    """Liquidity taken out of an NFT; the amounts owed for it."""

    id: str
    liquidity: Integer


class Collect(_Op, tag="collect"):
    """All that is owed to an NFT; the amounts paid out."""

    id: str


class Swap(_Op, tag="swap"):
    """Positive `amountSpecified` is exact input, negative exact output; amounts from the pool's view."""

    zeroForOne: bool
    amountSpecified: Integer
    sqrtPriceLimitX96: Integer | None = None


Op = Mint | Burn | Collect | Swap


class PoolScript(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One pool from its first price on."""

    fee: Integer
    tickSpacing: Integer
    initialSqrtPriceX96: Integer
    ops: list[Op]


class Script(msgspec.Struct, kw_only=True):
    """A file."""

    pools: list[PoolScript]
    about: str = ""


def read(path: Path) -> Script:
    """Raises ScriptInvalid that names the file and the place in it."""
    try:
        return parse(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ScriptInvalid(f"{path}: {error}") from None


def parse(text: bytes) -> Script:
    """Raises ValueError that names the place."""
    try:
        return msgspec.convert(_integers(msgspec.json.decode(text)), Script)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None


def write(script: Script) -> bytes:
    """The file's text: an operation to a line."""
    pools = []
    for pool in script.pools:
        head = {"fee": pool.fee, "tickSpacing": pool.tickSpacing, "initialSqrtPriceX96": pool.initialSqrtPriceX96}
        ops = b",\n".join(msgspec.json.encode(_strings(msgspec.to_builtins(op))) for op in pool.ops)
        pools.append(msgspec.json.encode(_strings(head))[:-1] + b',"ops":[\n' + ops + b"\n]}")
    about = msgspec.json.encode(script.about)
    return b'{"about":' + about + b',"pools":[\n' + b",\n".join(pools) + b"\n]}\n"


def _integers(value: object, key: str = "") -> object:
    """Decimal strings as integers, everywhere but in names."""
    if isinstance(value, dict):
        return {name: _integers(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [_integers(member) for member in value]
    if key == "id":
        return str(value)
    if isinstance(value, str) and key not in ("op", "about"):
        return int(value)
    return value


def _strings(value: object) -> object:
    if isinstance(value, dict):
        return {name: _strings(member) for name, member in value.items() if member is not None}
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value
