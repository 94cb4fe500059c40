"""Money on a chain where it is free: filling accounts, and the LP wallet's first and only gift."""

import msgspec

from common.amm.pair import Pair
from common.chain import erc20
from common.chain.abi import Call
from common.chain.node import Node
from common.runtime.fleet import ContractAddresses
from services.paper_chain.actor import Actor
from services.paper_chain.config import LpFunding
from services.paper_chain.paper_token import mint

ALLOWANCE_ALL = 2**256 - 1


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """Raw units of both tokens."""

    base: int
    quote: int


def purse_of(pair: Pair, base: float, quote: float) -> Purse:
    """Whole tokens to raw units."""
    return Purse(base=round(base * 10**pair.base_decimals), quote=round(quote * 10**pair.quote_decimals))


async def count_purse(node: Node, contracts: ContractAddresses, owner: str) -> Purse:
    """What somebody owns now."""
    base, quote = await node.read_many(
        [erc20.balance_of(contracts.base_token, owner), erc20.balance_of(contracts.quote_token, owner)]
    )
    return Purse(base=base, quote=quote)


async def fill_account(node: Node, actor: Actor, contracts: ContractAddresses, wanted: Purse) -> None:
    """Bring an actor up to at least `wanted` of both tokens; does nothing if it has that much."""
    owned = await count_purse(node, contracts, actor.address)
    if owned.base < wanted.base:
        await actor.fill_purse()
        await actor.send(erc20.wrap(contracts.base_token, wanted.base - owned.base))
    if owned.quote < wanted.quote:
        await actor.send(mint(contracts.quote_token, actor.address, wanted.quote - owned.quote))


async def allow(node: Node, actor: Actor, contracts: ContractAddresses, spender: str) -> None:
    """Let a contract take the actor's tokens, once."""
    for token in (contracts.base_token, contracts.quote_token):
        if await node.read(erc20.allowance(token, actor.address, spender)) < ALLOWANCE_ALL // 2:
            await actor.send(erc20.approve(token, spender, ALLOWANCE_ALL))


async def fund_lp(
    node: Node, faucet: Actor, contracts: ContractAddresses, pair: Pair, lp: str, funding: LpFunding
) -> bool:
    """Give the LP wallet its money if it never had any; True if it was given now.

    The native coin comes last: without it the wallet cannot have spent anything, so a gift that was cut off is
    completed, and one that arrived is never repeated.
    """
    if await node.balance(lp) or await node.nonce(lp):
        return False
    await faucet.fill_purse()
    wanted, owned = purse_of(pair, funding.base, funding.quote), await count_purse(node, contracts, lp)
    if owned.base < wanted.base:
        await faucet.send(erc20.wrap(contracts.base_token, wanted.base - owned.base))
        await faucet.send(erc20.transfer(contracts.base_token, lp, wanted.base - owned.base))
    if owned.quote < wanted.quote:
        await faucet.send(mint(contracts.quote_token, lp, wanted.quote - owned.quote))
    await faucet.send(Call(lp, b"", lambda _data: None, value=round(funding.native * 10**18)))
    return True
