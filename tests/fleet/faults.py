"""Everything that can go wrong in a running paper fleet, one coroutine each: does the harm and says what it did.

A fault ends when its coroutine returns; what the fleet does about it is watched by others. Harm that is impossible just
now (the node is down, say) raises a CounterweightError or OSError and counts as not done.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from random import Random

from common.chain import erc20, pool, router
from common.chain.abi import Call
from common.chain.fees import GWEI
from common.chain.router import SwapParams
from services.paper_chain.money import Purse, allow, fill_account
from tests.fleet.faulty_fleet import FaultyFleet

Inject = Callable[[FaultyFleet, Random], Awaitable[str]]

PROCESSES = (
    "defi_lp", "paper_chain", "market_maker", "position_server", "oms", "quote_server-binance",
    "execution_handler-binance", "paper_exchange-binance",
)  # fmt: skip
WHALE_BASE = 250 * 10**18
WHALE_QUOTE = 600_000 * 10**6
DUST_WEI = 10**12


def kill(process: str) -> Inject:
    """kill -9."""

    async def inject(fleet: FaultyFleet, _random: Random) -> str:
        return f"pid {fleet.signal(process, signal.SIGKILL)}"

    return inject


def freeze(process: str) -> Inject:
    """SIGSTOP for some seconds: alive, and deaf."""

    async def inject(fleet: FaultyFleet, random: Random) -> str:
        seconds = random.uniform(1.0, 4.0)
        pid = fleet.signal(process, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            try:
                fleet.signal(process, signal.SIGCONT)
            except (ProcessLookupError, KeyError):
                pass  # Somebody killed it meanwhile; then there is nothing to wake.
        return f"pid {pid} for {seconds:.1f} s"

    return inject


def reorganise(depth: int) -> Inject:
    """The newest blocks give way to as many empty ones."""

    async def inject(fleet: FaultyFleet, _random: Random) -> str:
        head = await fleet.node.head()
        await fleet.node.request("anvil_reorg", depth, [])
        return f"blocks {head.number - depth + 1} to {head.number}"

    return inject


async def roll_back(fleet: FaultyFleet, random: Random) -> str:
    """The newest blocks go, without a word and without successors."""
    depth, head = random.randint(1, 4), await fleet.node.head()
    await fleet.node.request("anvil_rollback", depth)
    return f"from {head.number} by {depth}"


async def drop(fleet: FaultyFleet, random: Random) -> str:
    """For some seconds the node forgets whatever waits for a block."""
    dropped = 0
    await fleet.node.request("evm_setAutomine", False)
    try:
        for _ in range(random.randint(10, 30)):
            status = await fleet.node.request("txpool_status")
            if int(status["pending"], 16) + int(status["queued"], 16):
                dropped += 1
                await fleet.node.request("anvil_dropAllTransactions")
            await asyncio.sleep(0.1)
    finally:
        await fleet.node.request("evm_setAutomine", True)
    return f"{dropped} times"


async def stop_mining(fleet: FaultyFleet, random: Random) -> str:
    """Transactions wait for the paper chain's next block, a second later."""
    seconds = random.uniform(2.0, 4.0)
    await fleet.node.request("evm_setAutomine", False)
    try:
        await asyncio.sleep(seconds)
    finally:
        await fleet.node.request("evm_setAutomine", True)
    return f"{seconds:.1f} s"


async def spike(fleet: FaultyFleet, random: Random) -> str:
    """The next block's base fee jumps above every cap; each empty block takes an eighth of it away."""
    gwei = random.choice([60, 120, 300])
    await fleet.node.request("anvil_setNextBlockBaseFeePerGas", hex(gwei * GWEI))
    return f"{gwei} gwei"


async def swap(fleet: FaultyFleet, random: Random) -> str:
    """A whale pushes the pool through our ranges; the arbitrageur brings it back."""
    sells_base, at = random.random() < 0.5, fleet.fleet.chain.contracts
    whale = fleet.actor("whale")
    await whale.fill_purse()
    await fill_account(fleet.node, whale, at, Purse(base=2 * WHALE_BASE, quote=2 * WHALE_QUOTE))
    await allow(fleet.node, whale, at, at.router)
    tokens = (at.base_token, at.quote_token) if sells_base else (at.quote_token, at.base_token)
    before = await fleet.node.read(pool.slot0(at.pool))
    params = SwapParams(
        token_in=tokens[0], token_out=tokens[1], fee_ppm=fleet.fleet.chain.fee_ppm, recipient=whale.address,
        deadline_s=(await fleet.node.head()).timestamp_s + 600, amount_in=WHALE_BASE if sells_base else WHALE_QUOTE,
        amount_out_min=0, sqrt_price_limit_x96=0,
    )  # fmt: skip
    receipt = await whale.send(router.exact_input_single(at.router, params))
    after = await fleet.node.read(pool.slot0(at.pool), receipt.block_hash)
    return f"{'sells' if sells_base else 'buys'}, {abs(after.tick - before.tick)} bps"


async def revoke(fleet: FaultyFleet, random: Random) -> str:
    """Somebody with our key takes an allowance away."""
    at = fleet.fleet.chain.contracts
    token = random.choice([at.base_token, at.quote_token])
    await _act_as_wallet(fleet, erc20.approve(token, at.position_manager, 0), 0)
    return "base" if token == at.base_token else "quote"


async def take_gas_money(fleet: FaultyFleet, random: Random) -> str:
    """Somebody with our key takes the native coin; `FaultyFleet.look_after` brings some again."""
    node = fleet.node
    gas_price = (await node.head()).base_fee * 2 + GWEI
    value = await node.balance(fleet.wallet) - gas_price * 21_000 - DUST_WEI
    fleet.is_robbed = True
    try:
        await _act_as_wallet(fleet, Call(fleet.actor("thief").address, b"", lambda _data: None), value, gas_price)
        await asyncio.sleep(random.uniform(1.0, 3.0))
    finally:
        fleet.is_robbed = False
    return f"{value / 10**18:.3f} of native coin"


def spoil(fault: str) -> Inject:
    """The line between LP and node, for some seconds, for every request."""

    async def inject(fleet: FaultyFleet, random: Random) -> str:
        seconds = random.uniform(2.0, 4.0)
        fleet.line.lasting["*"] = fault
        try:
            await asyncio.sleep(seconds)
        finally:
            fleet.line.heal()
        return f"{seconds:.1f} s"

    return inject


async def lose_replies(fleet: FaultyFleet, random: Random) -> str:
    """The node takes the LP's next transactions, and nobody hears that it did."""
    count = random.randint(1, 3)
    fleet.line.faults["eth_sendRawTransaction"] = ["lose_reply"] * count
    return f"the next {count}"


async def _act_as_wallet(fleet: FaultyFleet, call: Call[object], value: int, gas_price: int = 0) -> None:
    node, wallet = fleet.node, fleet.wallet
    await node.request("anvil_impersonateAccount", wallet)
    price = gas_price or (await node.head()).base_fee * 2 + GWEI
    transaction = {"from": wallet, "to": call.to, "value": hex(value), "gasPrice": hex(price)}
    transaction |= {"data": "0x" + call.data.hex(), "gas": hex(100_000)} if call.data else {"gas": hex(21_000)}
    try:
        await node.request("eth_sendTransaction", transaction)
    finally:
        await node.request("anvil_stopImpersonatingAccount", wallet)


FAULTS: dict[str, Inject] = {
    **{f"kill -9 {process}": kill(process) for process in PROCESSES},
    "kill -9 anvil": kill("anvil"),
    "freeze anvil": freeze("anvil"),
    "freeze defi_lp": freeze("defi_lp"),
    **{f"reorganisation of {depth}": reorganise(depth) for depth in (1, 3, 6)},
    "silent rollback": roll_back,
    "dropped transactions": drop,
    "no automine": stop_mining,
    "base fee spike": spike,
    "whale": swap,
    "approval revoked": revoke,
    "gas money taken": take_gas_money,
    **{
        f"line: {fault}": spoil(fault) for fault in ("refuse", "fail", "hang", "garble", "lose_reply", "stale", "twice")
    },
    "line: lost sends": lose_replies,
}
"""By the name that the table shows."""
