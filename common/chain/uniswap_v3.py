"""Uniswap V3 behind the seam of `clmm.py`: pools of one pair in several fee tiers, positions as NFTs of one manager."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec

from common.amm.fees import Growth
from common.amm.pair import Pair
from common.amm.pool_state import PoolState
from common.chain import erc20, factory, pool, position_manager, router
from common.chain.abi import Call
from common.chain.addresses import ZERO_ADDRESS, checksum
from common.chain.blocks import Log
from common.chain.clmm import (
    Allowance,
    Capabilities,
    ChainView,
    CloseRange,
    CollectOwed,
    OpenRange,
    PositionState,
    Purpose,
    Step,
    SwapExactInput,
)
from common.chain.events import (
    DECREASE_LIQUIDITY,
    INCREASE_LIQUIDITY,
    NFT_TRANSFER,
    POSITION_COLLECT,
    Event,
    LiquidityDecreased,
    LiquidityIncreased,
    NftTransferred,
    PoolSwapped,
    PositionCollected,
    decode_log,
    find_events,
)
from common.chain.node import Node
from common.chain.position_manager import MintParams
from common.chain.router import SwapParams
from common.model.errors import InputInvalid, RequestRefused

_CALLS_PER_POOL = 5
_CALLS_PER_POSITION = 3


class UniswapV3Contracts(msgspec.Struct, frozen=True, kw_only=True):
    """Addresses of a deployment and of the pair, with their checksum."""

    factory: str
    manager: str
    router: str
    base: str
    quote: str


async def find_pools(node: Node, at: UniswapV3Contracts, fee_tiers_ppm: Sequence[int]) -> dict[str, Pair]:
    """The pair's pools of these fees by address, in the order of the fees. A fee without a pool, or whose pool has no
    price yet, is left out. Raises PeerUnavailable.
    """
    asked = [factory.get_pool(at.factory, at.base, at.quote, fee_ppm) for fee_ppm in fee_tiers_ppm]
    found = [address for address in await node.read_many(asked) if address != ZERO_ADDRESS]
    decimals = (await node.read_many([erc20.decimals(at.base), erc20.decimals(at.quote)])) if found else []
    pools = {}
    for address in found:
        token0, fee_ppm, spacing, slot0 = await node.read_many(
            [pool.token0(address), pool.fee(address), pool.tick_spacing(address), pool.slot0(address)]
        )
        if slot0.sqrt_price_x96:
            pools[address] = Pair(
                base_is_token0=token0 == at.base, base_decimals=decimals[0], quote_decimals=decimals[1],
                tick_spacing=spacing, fee_ppm=fee_ppm,
            )  # fmt: skip
    return pools


class UniswapV3:
    """The adapter. `pools` as `find_pools` gives them; `twap_window_s` is what pool oracles are asked for."""

    capabilities = Capabilities(opens_with_minimums=True, fees_apart=False, moves_at_once=True, swaps_at_once=False)
    topics = frozenset(
        shape.topic for shape in (INCREASE_LIQUIDITY, DECREASE_LIQUIDITY, POSITION_COLLECT, NFT_TRANSFER)
    )

    def __init__(self, at: UniswapV3Contracts, pools: dict[str, Pair], twap_window_s: int) -> None:
        if not pools:
            raise InputInvalid("pools", "uniswap_v3", "at least one pool", pools)
        self._at, self.pools = at, pools
        base_is_token0 = next(iter(pools.values())).base_is_token0
        self.tokens = (at.base, at.quote) if base_is_token0 else (at.quote, at.base)
        self.contracts = (at.manager,)
        self._pool_calls = [call for address in pools for call in _pool_calls(address, twap_window_s)]
        self._pool_by_fee = {pair.fee_ppm: address for address, pair in pools.items()}
        # Precomputed for the one wallet and the positions that are read block after block.
        self._calls: list[Call[Any]] = []
        self._calls_for: tuple[str, tuple[int, ...]] | None = None

    def read_calls(self, owner: str, position_ids: Sequence[int]) -> list[Call[Any]]:
        """See ClmmAdapter. Built once per list of positions."""
        wanted = owner, tuple(position_ids)
        if self._calls_for != wanted:
            self._calls = [*self._pool_calls, *self._wallet_calls(owner)]
            for token_id in position_ids:
                self._calls += _position_calls(self._at.manager, token_id, owner)
            self._calls_for = wanted
        return self._calls

    def decode(self, outcomes: Sequence[Any], owner: str, position_ids: Sequence[int]) -> ChainView:
        """See ClmmAdapter."""
        answers = iter(outcomes)
        pools = tuple(
            _pool_state(address, pair, [next(answers) for _ in range(_CALLS_PER_POOL)])
            for address, pair in self.pools.items()
        )
        idle0, idle1 = (_require(next(answers)) for _ in range(2))
        allowances = tuple(msgspec.structs.replace(each, amount=_require(next(answers))) for each in self.approvals())
        count = _require(next(answers))
        positions = tuple(
            self._position(token_id, owner, [next(answers) for _ in range(_CALLS_PER_POSITION)])
            for token_id in position_ids
        )
        return ChainView(
            pools=pools, idle0=idle0, idle1=idle1, allowances=allowances, position_count=count, positions=positions
        )

    def listing_calls(self, owner: str, count: int) -> list[Call[int]]:
        """See ClmmAdapter."""
        return [position_manager.token_of_owner(self._at.manager, owner, index) for index in range(count)]

    def decode_log(self, log: Log) -> Event | None:
        """See ClmmAdapter."""
        return decode_log(log) if log.address in self.contracts and log.topics[0] in self.topics else None

    def opened(self, logs: Sequence[Log]) -> tuple[int, ...]:
        """See ClmmAdapter."""
        return tuple(each.token_id for each in find_events(list(logs), LiquidityIncreased, self._at.manager))

    def fees(self, logs: Sequence[Log]) -> tuple[int, int]:
        """See ClmmAdapter. The manager pays principal and fees together: what is not principal is fees."""
        paid = find_events(list(logs), PositionCollected, self._at.manager)
        principal = find_events(list(logs), LiquidityDecreased, self._at.manager)
        return (
            sum(each.amount0 for each in paid) - sum(each.amount0 for each in principal),
            sum(each.amount1 for each in paid) - sum(each.amount1 for each in principal),
        )

    def closed(self, logs: Sequence[Log]) -> tuple[int, ...]:
        """See ClmmAdapter."""
        moved = find_events(list(logs), NftTransferred, self._at.manager)
        return tuple(each.token_id for each in moved if each.recipient == ZERO_ADDRESS)

    def principal(self, logs: Sequence[Log]) -> tuple[int, int]:
        """See ClmmAdapter."""
        return _sums(find_events(list(logs), LiquidityDecreased, self._at.manager))

    def deposited(self, logs: Sequence[Log]) -> tuple[int, int]:
        """See ClmmAdapter."""
        return _sums(find_events(list(logs), LiquidityIncreased, self._at.manager))

    def swapped(self, logs: Sequence[Log]) -> tuple[int, int]:
        """See ClmmAdapter. A pool tells amounts from its own side."""
        amount0, amount1 = _sums(
            [each for pool_id in self.pools for each in find_events(list(logs), PoolSwapped, pool_id)]
        )
        return -amount0, -amount1

    def encode(self, steps: Sequence[Step], owner: str, deadline_s: int) -> list[Call[Any]]:
        """See ClmmAdapter. Neighbours that the manager carries out share a transaction; each swap is one by itself."""
        calls: list[Call[Any]] = []
        for is_swap, group in groupby(steps, key=lambda step: isinstance(step.intent, SwapExactInput)):
            parts = [call for step in group for call in self._step_calls(step, owner, deadline_s)]
            calls += parts if is_swap else [position_manager.multicall(self._at.manager, parts)]
        return calls

    def approvals(self) -> tuple[Allowance, ...]:
        """See ClmmAdapter."""
        spenders = ((Purpose.LIQUIDITY, self._at.manager), (Purpose.SWAP, self._at.router))
        return tuple(
            Allowance(purpose=purpose, token=token, spender=spender)
            for purpose, spender in spenders
            for token in self.tokens
        )

    def approve(self, purpose: Purpose, token: str, amount: int) -> list[Call[Any]]:
        """See ClmmAdapter."""
        for each in self.approvals():
            if (each.purpose, each.token) == (purpose, checksum(token)):
                return [erc20.approve(each.token, each.spender, amount)]
        raise InputInvalid("token", "uniswap_v3", f"one of {', '.join(self.tokens)}", token)

    def _wallet_calls(self, owner: str) -> list[Call[Any]]:
        return [
            *(erc20.balance_of(token, owner) for token in self.tokens),
            *(erc20.allowance(each.token, owner, each.spender) for each in self.approvals()),
            position_manager.balance_of(self._at.manager, owner),
        ]

    def _position(self, token_id: int, owner: str, answers: list[Any]) -> PositionState | None:
        owned_by, position, owed = answers
        if isinstance(owned_by, RequestRefused):
            return None  # Burned, or never minted on this chain.
        position = _require(position)
        # Only the owner can simulate collecting; whose it is, is known before that matters.
        owed0, owed1 = _require(owed) if owned_by == owner else (0, 0)
        is_of_pair = (position.token0, position.token1) == self.tokens
        return PositionState(
            position_id=token_id, owner=owned_by,
            pool_id=self._pool_by_fee.get(position.fee_ppm, "") if is_of_pair else "",
            tick_lower=position.tick_lower, tick_upper=position.tick_upper, liquidity=position.liquidity,
            owed0=owed0, owed1=owed1,
        )  # fmt: skip

    def _step_calls(self, step: Step, owner: str, deadline_s: int) -> list[Call[Any]]:
        manager, limits = self._at.manager, step.limits
        match step.intent:
            case OpenRange() as opening:
                return [position_manager.mint(manager, self._mint_params(opening, step, owner, deadline_s))]
            case CloseRange(position_id=token_id, liquidity=liquidity):
                minimum = (limits.amount0_min, limits.amount1_min)
                # The manager refuses to take nothing out.
                emptying = [position_manager.decrease(manager, token_id, liquidity, *minimum, deadline_s)]
                return [
                    *(emptying if liquidity else []),
                    position_manager.collect(manager, token_id, owner),
                    position_manager.burn(manager, token_id),
                ]
            case CollectOwed(position_id=token_id):
                return [position_manager.collect(manager, token_id, owner)]
            case SwapExactInput() as swap:
                return [router.exact_input_single(self._at.router, self._swap_params(swap, step, owner, deadline_s))]

    def _mint_params(self, opening: OpenRange, step: Step, owner: str, deadline_s: int) -> MintParams:
        token0, token1 = self.tokens
        return MintParams(
            token0=token0, token1=token1, fee_ppm=self._pair(opening.pool_id).fee_ppm,
            tick_lower=opening.tick_lower, tick_upper=opening.tick_upper,
            amount0_desired=opening.amount0, amount1_desired=opening.amount1,
            amount0_min=step.limits.amount0_min, amount1_min=step.limits.amount1_min,
            recipient=owner, deadline_s=deadline_s,
        )  # fmt: skip

    def _swap_params(self, swap: SwapExactInput, step: Step, owner: str, deadline_s: int) -> SwapParams:
        token_in, token_out = self.tokens if swap.sells_token0 else self.tokens[::-1]
        limits = step.limits
        return SwapParams(
            token_in=token_in, token_out=token_out, fee_ppm=self._pair(swap.pool_id).fee_ppm, recipient=owner,
            deadline_s=deadline_s, amount_in=swap.amount_in,
            amount_out_min=limits.amount1_min if swap.sells_token0 else limits.amount0_min,
            sqrt_price_limit_x96=limits.sqrt_price_limit_x96,
        )  # fmt: skip

    def _pair(self, pool_id: str) -> Pair:
        if pool_id not in self.pools:
            raise InputInvalid("pool_id", "uniswap_v3", f"one of {', '.join(self.pools)}", pool_id)
        return self.pools[pool_id]


def _pool_calls(address: str, twap_window_s: int) -> list[Call[Any]]:
    return [
        pool.slot0(address), pool.liquidity(address), pool.fee_growth_global0(address),
        pool.fee_growth_global1(address), pool.observe_mean_tick(address, twap_window_s),
    ]  # fmt: skip


def _position_calls(manager: str, token_id: int, owner: str) -> list[Call[Any]]:
    return [
        position_manager.owner_of(manager, token_id),
        position_manager.positions(manager, token_id),
        # Stored fees are stale until the position is touched: a simulated collect touches it.
        position_manager.collect(manager, token_id, owner),
    ]


def _pool_state(address: str, pair: Pair, answers: list[Any]) -> PoolState:
    slot0, liquidity, growth0, growth1 = (_require(each) for each in answers[:-1])
    mean_tick = answers[-1]
    return PoolState(
        pool_id=address, pair=pair, sqrt_price_x96=slot0.sqrt_price_x96, tick=slot0.tick, liquidity=liquidity,
        growth=Growth(growth0, growth1),
        twap_tick=None if isinstance(mean_tick, RequestRefused) else mean_tick,
    )  # fmt: skip


def _sums(events: list[Any]) -> tuple[int, int]:
    return sum(each.amount0 for each in events), sum(each.amount1 for each in events)


def _require(answer: Any) -> Any:
    if isinstance(answer, RequestRefused):
        raise answer
    return answer
