"""A real node with real contracts in both token orders, and short ways to act on it."""

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

import msgspec

from common.amm.pair import Pair
from common.chain import factory, position_manager
from common.chain.addresses import pool_address
from common.chain.anvil import anvil_command
from common.chain.node import Node
from common.chain.position_manager import MintParams
from common.chain.router import SwapParams, exact_input_single
from common.model.errors import PeerUnavailable
from common.runtime.fleet import ContractAddresses
from common.runtime.supervision import die_with_parent
from services.paper_chain.actor import Actor
from services.paper_chain.config import LiquidityConfig
from services.paper_chain.deployment import BASE_DECIMALS, QUOTE_DECIMALS, deploy, plan_deployment
from services.paper_chain.genesis import create_pool, order_tokens, plan_range
from services.paper_chain.money import Purse, allow, fill_account
from services.paper_chain.prices import sqrt_price_of

CHAIN_ID = 31337
FEE_PPM = 500
FIRST_PRICE = Fraction(2500)
BACKGROUND = [LiquidityConfig(price_factor=1.25, quote_per_percent=1_000_000.0)]

T = TypeVar("T")


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start_anvil(folder: Path, *extra: str, port: int = 0) -> tuple[subprocess.Popen[bytes], str]:
    """A node on this port (0 = a free one), and its address. It writes nothing outside of `folder`."""
    port = port or free_port()
    environment = {"HOME": str(folder), "TMPDIR": str(folder), "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [*anvil_command(port, CHAIN_ID), *extra],
        env=environment,
        stdout=subprocess.DEVNULL,
        cwd=folder,
        preexec_fn=die_with_parent,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            asyncio.run(_with_node(url, lambda node: node.chain_id()))
            return process, url
        except PeerUnavailable:
            time.sleep(0.01)
    process.kill()
    raise AssertionError("anvil does not answer")


async def _with_node(url: str, work: Callable[[Node], Awaitable[T]]) -> T:
    node = Node(url, timeout_s=10.0)
    try:
        return await work(node)
    finally:
        await node.close()


class World:
    """One deployment. `base_is_token0` tells its token order. Entered anew in each event loop."""

    def __init__(self, url: str, *, base_is_token0: bool) -> None:
        self.url, self.base_is_token0 = url, base_is_token0
        self.pair = Pair(
            base_is_token0=base_is_token0, base_decimals=BASE_DECIMALS, quote_decimals=QUOTE_DECIMALS,
            tick_spacing=10, fee_ppm=FEE_PPM,
        )  # fmt: skip
        self._deployer_role = f"deployer {base_is_token0}"
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "World":
        self.node = Node(self.url, timeout_s=10.0)
        self._stack.push_async_callback(self.node.close)
        deployer = self.actor(self._deployer_role)
        self.deployment = plan_deployment(deployer.address, FEE_PPM, base_is_token0=self.base_is_token0)
        self.contracts: ContractAddresses = self.deployment.contracts
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    def actor(self, role: str) -> Actor:
        """Somebody with a key of their own."""
        return Actor(self.node, role, CHAIN_ID)

    async def build(self) -> None:
        """Contracts and a pool with background liquidity."""
        await deploy(self.node, self.actor(self._deployer_role), self.deployment)
        provider = self.actor(f"provider {self.base_is_token0}")
        await create_pool(self.node, provider, self.contracts, self.pair, FIRST_PRICE, BACKGROUND)

    async def add_pool(self, fee_ppm: int, tick_spacing: int, price: Fraction = FIRST_PRICE) -> str:
        """One more pool of the pair with the same background; returns its address."""
        deployer, provider = self.actor(self._deployer_role), self.actor(f"provider {self.base_is_token0}")
        if fee_ppm not in (500, 3000, 10_000):
            await deployer.send(factory.enable_fee(self.contracts.factory, fee_ppm, tick_spacing))
        pair = msgspec.structs.replace(self.pair, fee_ppm=fee_ppm, tick_spacing=tick_spacing)
        token0, token1 = order_tokens(self.contracts, pair)
        manager, first = self.contracts.position_manager, sqrt_price_of(pair, price)
        await provider.send(position_manager.create_pool(manager, token0, token1, fee_ppm, first))
        planned = plan_range(pair, first, BACKGROUND[0])
        base, quote = pair.unorder(planned.amount0, planned.amount1)
        await fill_account(self.node, provider, self.contracts, Purse(base=base, quote=quote))
        params = MintParams(
            token0=token0, token1=token1, fee_ppm=fee_ppm, tick_lower=planned.tick_lower, tick_upper=planned.tick_upper,
            amount0_desired=planned.amount0, amount1_desired=planned.amount1, amount0_min=0, amount1_min=0,
            recipient=provider.address, deadline_s=(await self.node.head()).timestamp_s + 120,
        )  # fmt: skip
        await provider.send(position_manager.mint(manager, params))
        return pool_address(self.contracts.factory, token0, token1, fee_ppm)

    async def rich(self, role: str) -> Actor:
        """An actor with 100 base, 250,000 quote and all allowances."""
        actor = self.actor(role)
        await self.endow(actor)
        return actor

    async def endow(self, actor: Actor) -> None:
        """Money and allowances."""
        await actor.fill_purse()
        await fill_account(self.node, actor, self.contracts, Purse(base=100 * 10**18, quote=250_000 * 10**6))
        for spender in (self.contracts.position_manager, self.contracts.router):
            await allow(self.node, actor, self.contracts, spender)

    async def mint_params(self, owner: str, tick_lower: int, tick_upper: int) -> MintParams:
        """Up to 10 base and 25,000 quote into a range."""
        token0, token1 = order_tokens(self.contracts, self.pair)
        amount0, amount1 = self.pair.order(10 * 10**18, 25_000 * 10**6)
        return MintParams(
            token0=token0, token1=token1, fee_ppm=FEE_PPM, tick_lower=tick_lower, tick_upper=tick_upper,
            amount0_desired=amount0, amount1_desired=amount1, amount0_min=0, amount1_min=0, recipient=owner,
            deadline_s=(await self.node.head()).timestamp_s + 120,
        )  # fmt: skip

    async def swap(self, trader: Actor, amount_in: int, *, sells_base: bool = True) -> None:
        """Sell raw units of one token in the first pool."""
        params = await self.swap_params(trader.address, amount_in, sells_base=sells_base)
        await trader.send(exact_input_single(self.contracts.router, params))

    async def swap_params(self, trader: str, amount_in: int, *, sells_base: bool, limit: int = 0) -> SwapParams:
        """Sell raw units of one token."""
        tokens = (self.contracts.base_token, self.contracts.quote_token)
        token_in, token_out = tokens if sells_base else tokens[::-1]
        return SwapParams(
            token_in=token_in, token_out=token_out, fee_ppm=FEE_PPM, recipient=trader,
            deadline_s=(await self.node.head()).timestamp_s + 120, amount_in=amount_in, amount_out_min=0,
            sqrt_price_limit_x96=limit,
        )  # fmt: skip
