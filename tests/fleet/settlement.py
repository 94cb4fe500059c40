"""The end of a run, to the wei: what the wallet has and stands in the pool, against the chain's whole history.

Three accounts that know nothing of each other must agree: balances and positions as the contracts answer, the wallet's
history as blocks, receipts and events tell it, and a replay of the pool from its first event by common/amm.
"""

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from common.amm.full_math import UINT128_MAX
from common.chain import erc20, pool, position_manager
from common.chain.blocks import Log
from common.chain.events import NftTransferred, decode_log
from common.chain.node import Node
from common.messages import LpInventoryChanged
from common.runtime.fleet import ContractAddresses
from services.paper_chain.actor import Actor
from services.paper_chain.config import LpFunding
from tests.fleet.faulty_fleet import FaultyFleet
from tests.integration.chain.history import WalletHistory, read_history, read_logs
from tests.integration.chain.pool_history import PoolHistory

SPACINGS = {100: 1, 500: 10, 3000: 60, 10_000: 200}
BASE_DECIMALS, QUOTE_DECIMALS = 18, 6
STILL_S_MAX = 30.0
RANGES_MAX = 2
NFTS = "NFTs that the LP tells of"


class Check(NamedTuple):
    """One line of the settlement."""

    name: str
    expected: Any
    found: Any

    @property
    def holds(self) -> bool:
        """Equal, to the last unit."""
        return bool(self.expected == self.found)


@contextmanager
def still_chain(fleet: FaultyFleet) -> Iterator[None]:
    """No miner and no trader: nothing moves but the LP, if it wants to."""
    pid = fleet.pids()["paper_chain"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def told_at_rest(fleet: FaultyFleet) -> LpInventoryChanged:
    """The LP's inventory of the newest block, nothing of the wallet waiting, for a second. The chain must be still."""
    node, seen = fleet.node, ""
    deadline = asyncio.get_running_loop().time() + STILL_S_MAX
    while True:
        head = (await node.head()).hash
        status = await node.request("txpool_status")
        told = fleet.inventory
        if told and told.block_hash == head == seen and not int(status["pending"], 16):
            return told
        assert asyncio.get_running_loop().time() < deadline, f"head {head}, the LP tells of {told}"
        seen = head
        await asyncio.sleep(1.0)


async def allowances(fleet: FaultyFleet) -> list[int]:
    """What manager and router may take of either token."""
    at = fleet.fleet.chain.contracts
    pairs = [(token, to) for token in (at.base_token, at.quote_token) for to in (at.position_manager, at.router)]
    return list(await fleet.node.read_many([erc20.allowance(token, fleet.wallet, to) for token, to in pairs]))


async def settle(fleet: FaultyFleet, told: LpInventoryChanged, funding: LpFunding) -> list[Check]:
    """Every account of a still chain. Raises AssertionError where the chain's own events contradict each other."""
    node, at, wallet = fleet.node, fleet.fleet.chain.contracts, fleet.wallet
    history = await read_history(node, at, wallet)
    logs = await read_logs(node, [at.pool, at.position_manager])
    replay = PoolHistory(logs, at.pool, fleet.fleet.chain.fee_ppm, SPACINGS[fleet.fleet.chain.fee_ppm])
    return [
        *await _money(node, at, wallet, history, told, funding),
        *await _pool(node, at, replay),
        *await _positions(node, at, wallet, replay, told),
        Check("most NFTs of ours that ever stood at once", True, _standing_max(logs, at, wallet) <= RANGES_MAX),
    ]  # fmt: skip


async def _money(
    node: Node, at: ContractAddresses, wallet: str, history: WalletHistory, told: LpInventoryChanged,
    funding: LpFunding,
) -> list[Check]:  # fmt: skip
    tokens = (at.base_token, at.quote_token)
    base, quote = await node.read_many([erc20.balance_of(token, wallet) for token in tokens])
    given = funding.base * 10**BASE_DECIMALS, funding.quote * 10**QUOTE_DECIMALS
    # What a thief took and gave back, as far as the chain still has it, is in the first sum.
    faucet, native_given = Actor(node, "faucet", 0).address, round(funding.native * 10**18)
    return [
        Check("native: start + deposits - gas of all receipts", history.native, await node.balance(wallet)),
        Check("native: the first deposit", native_given, history.native_from.get(faucet, 0)),
        Check("base: deposits - minted + collected", history.base.balance, base),
        Check("quote: deposits - minted + collected", history.quote.balance, quote),
        Check("base: deposits", round(given[0]), history.base.deposited - history.base.withdrawn),
        Check("quote: deposits", round(given[1]), history.quote.deposited - history.quote.withdrawn),
        Check("base in the wallet as the LP tells it", base, int(told.idle_base)),
        Check("quote in the wallet as the LP tells it", quote, int(told.idle_quote)),
    ]


async def _pool(node: Node, at: ContractAddresses, replay: PoolHistory) -> list[Check]:
    slot0 = await node.read(pool.slot0(at.pool))
    ours, found = replay.manager.pool, "pool replayed: "
    return [
        Check(f"{found}price of {replay.events} events", ours.sqrt_price, slot0.sqrt_price_x96),
        Check(f"{found}tick", ours.tick, slot0.tick),
        Check(f"{found}liquidity", ours.liquidity, await node.read(pool.liquidity(at.pool))),
        Check(f"{found}fee growth 0", ours.growth0, await node.read(pool.fee_growth_global0(at.pool))),
        Check(f"{found}fee growth 1", ours.growth1, await node.read(pool.fee_growth_global1(at.pool))),
    ]


async def _positions(
    node: Node, at: ContractAddresses, wallet: str, replay: PoolHistory, told: LpInventoryChanged
) -> list[Check]:
    count = await node.read(position_manager.balance_of(at.position_manager, wallet))
    calls = [position_manager.token_of_owner(at.position_manager, wallet, index) for index in range(count)]
    owned: list[int] = await node.read_many(calls)
    checks = [Check(NFTS, sorted(owned), sorted(int(each.token_id) for each in told.ranges))]
    base_is_token0 = int(at.base_token, 16) < int(at.quote_token, 16)
    for each in told.ranges:
        token_id = int(each.token_id)
        burn = position_manager.decrease(at.position_manager, token_id, int(each.liquidity), 0, 0, UINT128_MAX)
        collect = position_manager.collect(at.position_manager, token_id, wallet)
        principal, fees = await node.read_many([burn, collect], "latest", wallet)
        claim = replay.claim(token_id)
        amounts = (int(each.amount_base), int(each.amount_quote)), (int(each.fees_base), int(each.fees_quote))
        ordered = tuple(pair if base_is_token0 else pair[::-1] for pair in amounts)
        checks += [
            Check(f"NFT {token_id}: principal, replay and contract", claim.principal, tuple(principal)),
            Check(f"NFT {token_id}: fees, replay and contract", claim.fees, tuple(fees)),
            Check(f"NFT {token_id}: as the LP tells it", (claim.principal, claim.fees), ordered),
        ]
    return checks


def _standing_max(logs: list[Log], at: ContractAddresses, wallet: str) -> int:
    """NFTs owned after each transaction, at most."""
    owned, most, last = set[int](), 0, ""
    for log in logs:
        event = decode_log(log) if log.address == at.position_manager else None
        if isinstance(event, NftTransferred):
            if log.transaction_hash != last:
                most, last = max(most, len(owned)), log.transaction_hash
            (owned.add if event.recipient == wallet else owned.discard)(event.token_id)
    return max(most, len(owned))
