"""The real contracts on anvil: one factory, router and position manager, two tokens, pools of every fee tier."""

from typing import Any

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak

from common.amm.tick_math import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96
from common.chain import erc20, pool, position_manager
from common.chain.abi import Call, Function
from common.chain.addresses import ZERO_ADDRESS, address_bytes, created_address, pool_address, sort_tokens
from common.chain.blocks import Receipt, parse_receipt
from common.chain.events import (
    LiquidityDecreased,
    LiquidityIncreased,
    PoolCollected,
    PoolSwapped,
    find_events,
)
from common.chain.node import Node
from common.chain.position_manager import MintParams
from common.chain.router import SwapParams, exact_input_single
from common.chain.wallet import Fees, TransactionRequest, Wallet
from services.paper_chain import artifacts
from services.paper_chain.paper_token import mint as mint_token
from tests.amm_sequences.script import WATCHED, Burn, Collect, Mint, Op, PoolScript, Swap

CHAIN_ID = 31337
GAS_LIMIT = 29_000_000
FEES = Fees(max_fee=10**13, tip=10**9)
DEADLINE_S = 1 << 40
MONEY = 1 << 250
_EXACT_OUTPUT = Function("exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))")
_ENABLE = Function("enableFeeAmount(uint24,int24)")
_PROTOCOL = Function("setFeeProtocol(uint8,uint8)")
_HOLDING = Function("positions(bytes32)", "(uint128,uint256,uint256,uint128,uint128)")
_PROTOCOL_FEES = Function("protocolFees()", "(uint128,uint128)")


class RealPool:
    """A pool, and one account that owns everything: the factory, both tokens, all NFTs."""

    def __init__(self, node: Node) -> None:
        self._node, self._wallet = node, Wallet(keccak(b"owner of the pools of sequences"))
        made = [created_address(self._wallet.address, nonce) for nonce in range(5)]
        self.tokens = sort_tokens(*made[:2])
        self.factory, self.router, self.manager = made[2:]
        self._nonce, self._snapshot = 0, ""

    async def deploy(self) -> None:
        """Everything but pools; what comes later is undone by each `start`."""
        await self._node.request("anvil_setBalance", self._wallet.address, hex(10**27))
        token = artifacts.creation_code(artifacts.PAPER_TOKEN) + abi_encode(
            ["string", "string", "uint8"], ["Token", "TKN", 18]
        )
        pair = abi_encode(["address", "address"], [self.factory, ZERO_ADDRESS])
        codes = (
            token,
            token,
            artifacts.creation_code(artifacts.FACTORY),
            artifacts.creation_code(artifacts.ROUTER) + pair,
            artifacts.creation_code(artifacts.POSITION_MANAGER) + pair + bytes(32),
        )
        for code in codes:
            await self._must(TransactionRequest(to="", data=code, gas_limit=GAS_LIMIT))
        for address in self.tokens:
            await self._do(mint_token(address, self._wallet.address, MONEY))
            for spender in (self.router, self.manager):
                await self._do(erc20.approve(address, spender, 2**256 - 1))
        await self._do(Call(self.factory, _ENABLE.encode(100, 1), bytes))
        self._snapshot = await self._node.request("evm_snapshot")
        self._deployed_nonce = self._nonce

    async def start(self, script: PoolScript, protocol: tuple[int, int] = (0, 0)) -> None:
        """A fresh pool of this fee at the first price."""
        await self._node.request("evm_revert", self._snapshot)
        self._snapshot, self._nonce = await self._node.request("evm_snapshot"), self._deployed_nonce
        self.fee, self.names = script.fee, dict[str, tuple[int, int, int]]()
        self.address = pool_address(self.factory, *self.tokens, self.fee)
        price = script.initialSqrtPriceX96
        await self._do(position_manager.create_pool(self.manager, *self.tokens, self.fee, price))
        if any(protocol):
            await self._do(Call(self.address, _PROTOCOL.encode(*protocol), bytes))

    async def carry_out(self, op: Op) -> dict[str, int] | None:
        """What the operation gave, by the file's names; None if it reverted."""
        receipt = await self._send(self._call(op))
        if not receipt.succeeded:
            return None
        if isinstance(op, Mint):
            (event,) = find_events(receipt.logs, LiquidityIncreased, self.manager)
            self.names.setdefault(op.id, (event.token_id, op.tickLower, op.tickUpper))
            return {"liquidity": event.liquidity, "amount0": event.amount0, "amount1": event.amount1}
        if isinstance(op, Burn):
            (event,) = find_events(receipt.logs, LiquidityDecreased, self.manager)
        elif isinstance(op, Collect):
            # The manager's own event tells what it asked for, the pool's what it paid.
            (event,) = find_events(receipt.logs, PoolCollected, self.address)
        else:
            (event,) = find_events(receipt.logs, PoolSwapped, self.address)
        return {"amount0": event.amount0, "amount1": event.amount1}

    async def state(self) -> dict[str, int]:
        """Everything that a sequence's `after` may name."""
        at = self.address
        slot0, *rest = await self._node.read_many(
            [pool.slot0(at), pool.liquidity(at), pool.fee_growth_global0(at), pool.fee_growth_global1(at)]
        )
        return dict(zip(WATCHED, (slot0.sqrt_price_x96, slot0.tick, *rest), strict=True))

    async def books(self) -> dict[str, Any]:
        """What the pool and the manager keep beside it: holdings and ticks of all NFTs, protocol fees."""
        calls: dict[str, Call[Any]] = {
            "protocol": Call(self.address, _PROTOCOL_FEES.encode(), lambda data: _PROTOCOL_FEES.decode(data))
        }
        for name, (token_id, lower, upper) in self.names.items():
            key = keccak(address_bytes(self.manager) + lower.to_bytes(3, signed=True) + upper.to_bytes(3, signed=True))
            calls[f"range {lower} {upper}"] = Call(
                self.address, _HOLDING.encode(key), lambda data: _HOLDING.decode(data)
            )
            calls[f"nft {name}"] = position_manager.positions(self.manager, token_id)
            for tick in (lower, upper):
                calls[f"tick {tick}"] = pool.ticks(self.address, tick)
        return dict(zip(calls, await self._node.read_many(list(calls.values())), strict=True))

    def _call(self, op: Op) -> Call[Any]:
        me = self._wallet.address
        if isinstance(op, Swap):
            token_in, token_out = self.tokens if op.zeroForOne else self.tokens[::-1]
            # Without a limit the router refuses an exact output that ends early; the pool's farthest limit is the same.
            limit = op.sqrtPriceLimitX96 or (MIN_SQRT_PRICE_X96 + 1 if op.zeroForOne else MAX_SQRT_PRICE_X96 - 1)
            if op.amountSpecified < 0:
                words = (token_in, token_out, self.fee, me, DEADLINE_S, -op.amountSpecified, MONEY, limit)
                return Call(self.router, _EXACT_OUTPUT.encode(words), bytes)
            params = SwapParams(
                token_in=token_in, token_out=token_out, fee_ppm=self.fee, recipient=me, deadline_s=DEADLINE_S,
                amount_in=op.amountSpecified, amount_out_min=0, sqrt_price_limit_x96=limit,
            )  # fmt: skip
            return exact_input_single(self.router, params)
        if isinstance(op, Mint) and op.id not in self.names:
            params = MintParams(
                token0=self.tokens[0], token1=self.tokens[1], fee_ppm=self.fee, tick_lower=op.tickLower,
                tick_upper=op.tickUpper, amount0_desired=op.amount0Desired, amount1_desired=op.amount1Desired,
                amount0_min=0, amount1_min=0, recipient=me, deadline_s=DEADLINE_S,
            )  # fmt: skip
            return position_manager.mint(self.manager, params)
        token_id = self.names[op.id][0]
        if isinstance(op, Mint):
            desired = op.amount0Desired, op.amount1Desired
            return position_manager.increase(self.manager, token_id, *desired, 0, 0, DEADLINE_S)
        if isinstance(op, Burn):
            return position_manager.decrease(self.manager, token_id, op.liquidity, 0, 0, DEADLINE_S)
        return position_manager.collect(self.manager, token_id, me)

    async def _do(self, call: Call[Any]) -> None:
        await self._must(TransactionRequest(to=call.to, data=call.data, gas_limit=GAS_LIMIT))

    async def _must(self, request: TransactionRequest) -> None:
        assert (await self._carry(request)).succeeded

    async def _send(self, call: Call[Any]) -> Receipt:
        return await self._carry(TransactionRequest(to=call.to, data=call.data, gas_limit=GAS_LIMIT))

    async def _carry(self, request: TransactionRequest) -> Receipt:
        signed = self._wallet.sign(request, self._nonce, FEES, CHAIN_ID)
        receipt = parse_receipt(await self._node.request("eth_sendRawTransactionSync", "0x" + signed.raw.hex()))
        self._nonce += 1
        # A transaction that met the gas limit says nothing about the pool's rules.
        assert receipt.gas_used < GAS_LIMIT - 100_000, "out of gas"
        return receipt
