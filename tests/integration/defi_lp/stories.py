"""What tests of faults do again and again: an LP with open ranges, a move that waits for its block, others who swap."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from common.chain import router
from common.chain.abi import Call, Function
from common.messages import ExecuteLpCommand, LpInventoryChanged
from services.paper_chain.actor import Actor
from services.paper_chain.money import Purse, allow, fill_account
from tests.integration.chain.fault_proxy import FaultProxy
from tests.integration.defi_lp.lp_world import LP, LpWorld

FAST = (
    "interval_s_min=0.5 collect_interval_s=0 mid_gap_bps_max=20 keeper.retry_s=0.2 "
    "resend.resend_after_s=0.2 resend.bump_after_s=1.0 resend.overtaken_after_s=1.0"
)
FALL = 0.9986
"""A fall of the price that makes the LP move its ranges."""

_TRANSFER_NFT = Function("transferFrom(address,address,uint256)")

Story = Callable[[LpWorld, FaultProxy], Awaitable[None]]


def play(
    chain: str, folder: Path, story: Story, *, base_is_token0: bool = False, starts: bool = True,
    settings: str = "",
) -> None:  # fmt: skip
    """One story of an LP behind a line that can be spoilt, hedged by the real position server. Its ranges stand when
    the story begins, unless it `starts` the LP itself.
    """

    async def run() -> None:
        async with (
            FaultProxy(chain) as line,
            LpWorld(
                chain, folder, base_is_token0=base_is_token0, settings=f"{FAST} {settings}", line=line.url, hedged=True
            ) as lp,
        ):  # fmt: skip
            await lp.fund()
            if starts:
                lp.start()
                await lp.is_open()
            await story(lp, line)

    asyncio.run(run())


def give_away(lp: LpWorld, token_id: int, recipient: str) -> Call[None]:
    """The wallet's NFT to somebody else."""
    data = _TRANSFER_NFT.encode(lp.wallet, recipient, token_id)
    return Call(lp.chain.contracts.position_manager, data, lambda _data: None)


async def automine(lp: LpWorld, on: bool) -> None:
    """Whether the node mines each transaction at once, or waits for `mine`."""
    await lp.chain.node.request("evm_setAutomine", on)


async def mine(lp: LpWorld, blocks: int = 1) -> None:
    """Blocks of whatever waits."""
    await lp.chain.node.request("anvil_mine", hex(blocks))


async def unmined(lp: LpWorld, address: str) -> dict[str, Any]:
    """Somebody's transactions by nonce that the node has and has not mined."""
    content = await lp.chain.node.request("txpool_content")
    found: dict[str, Any] = {}
    for part in ("pending", "queued"):
        for sender, each in content[part].items():
            found |= each if sender.lower() == address.lower() else {}
    return found


async def until_unmined(lp: LpWorld, address: str) -> None:
    """Wait until one of somebody's transactions waits for its block."""
    for _ in range(400):
        if await unmined(lp, address):
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"nothing of {address} waits for a block\n{lp.log()[-4000:]}")


async def send_unmined(lp: LpWorld, actor: Actor, call: Call[Any]) -> "asyncio.Task[Any]":
    """Into the pool of unmined transactions; the task ends when it is mined."""
    task = asyncio.get_running_loop().create_task(actor.send(call))
    await until_unmined(lp, actor.address)
    return task


async def whale(lp: LpWorld, role: str = "whale") -> Actor:
    """Somebody with 40,000 base and 100 million quote, and allowances for the router."""
    actor, node, at = lp.chain.actor(role), lp.chain.node, lp.chain.contracts
    await actor.fill_purse()
    await fill_account(node, actor, at, Purse(base=40_000 * 10**18, quote=10**8 * 10**6))
    await allow(node, actor, at, at.router)
    return actor


async def trade(lp: LpWorld, actor: Actor, amount_base: int) -> None:
    """A whale sells base, in exactly one block."""
    params = await lp.chain.swap_params(actor.address, amount_base, sells_base=True)
    await actor.send(router.exact_input_single(lp.chain.contracts.router, params))


async def swap_to(lp: LpWorld, actor: Actor, price: float) -> Call[Any]:
    """A whale's swap from where the pool is to `price`."""
    sells_base = price < lp.last.price
    amount = 39_000 * 10**18 if sells_base else 9 * 10**7 * 10**6
    limit = lp.chain.pair.sqrt_price_of(price)
    params = await lp.chain.swap_params(actor.address, amount, sells_base=sells_base, limit=limit)
    return router.exact_input_single(lp.chain.contracts.router, params)


async def move_waits(lp: LpWorld) -> LpInventoryChanged:
    """The market falls, mining stops, and the LP's move of its ranges waits to be mined. Returns what it owned then."""
    trader = await whale(lp, "mover")
    await automine(lp, False)
    lp.mid = 2500 * FALL
    swap = await send_unmined(lp, trader, await swap_to(lp, trader, lp.mid))
    await mine(lp)
    await swap
    before = await lp.at_block((await lp.chain.node.head()).hash)
    await until_unmined(lp, lp.wallet)
    return before


async def market_falls(lp: LpWorld, factor: float = FALL) -> None:
    """Mid and pool, so that the LP wants to move its ranges."""
    lp.mid = 2500 * factor
    await lp.move_pool(lp.mid)


async def moved(lp: LpWorld) -> LpInventoryChanged:
    """Once the ranges have moved and nothing is under way."""
    await lp.sees(
        lambda: lp.last.rebalances == 1 and lp.last.state == "active" and lp.last.doing in ("", "out_of_range")
    )
    return lp.last


async def halted(lp: LpWorld, reason: str) -> None:
    """Once the LP has stopped acting, and says why in its log, its inventory and its health."""
    await lp.sees(lambda: (lp.last.state, lp.last.halted) == ("halted", reason))
    assert f"E defi_lp lp.halted reason={reason}" in lp.log()
    assert (await lp.health()).details["halted"] == reason


async def resume(lp: LpWorld) -> None:
    """The operator has understood."""
    request = ExecuteLpCommand(command_id=f"resume-{len(lp.inventories)}", action="resume", operator="test")
    await lp.reader.request(LP, request, 2.0)


async def act_as_wallet(lp: LpWorld, call: Call[Any], value: int = 0) -> None:
    """A stranger who has our key."""
    node = lp.chain.node
    await node.request("anvil_impersonateAccount", lp.wallet)
    transaction = {
        "from": lp.wallet, "to": call.to, "data": "0x" + call.data.hex(), "gas": hex(500_000), "value": hex(value),
    }  # fmt: skip
    await node.request("eth_sendTransaction", transaction)
    await node.request("anvil_stopImpersonatingAccount", lp.wallet)
