"""What the chain says we own, at one block, in one round trip."""

from typing import Any, NamedTuple

import msgspec

from common.amm.fees import Growth
from common.amm.position import Range
from common.chain import erc20, pool, position_manager
from common.chain.abi import Call
from common.chain.blocks import Head
from common.chain.node import Node
from common.chain.pool import Slot0
from common.chain.position_manager import Position
from common.model.errors import RequestRefused
from common.strategy.lp_holdings import Holdings, OwnedRange
from services.defi_lp.contracts import PoolContracts

_CALLS_PER_TOKEN = 3


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One block's truth: holdings, the pool's fee counters, what the manager may still take from the wallet."""

    head: Head
    holdings: Holdings
    growth: Growth
    allowance_base: int
    allowance_quote: int


class Reader:
    """Reads by block hash, so that all figures belong to exactly one block.

    Our NFTs are those that the manager says the wallet owns: their number is checked in every read, and when it or
    any owner differs from what we know, they are listed anew. So an NFT that we never recorded is found, one that
    was taken away is missed, and an id that a reorganisation gave to a rival is not mistaken for ours.
    """

    def __init__(self, node: Node, contracts: PoolContracts, owner: str) -> None:
        self._node, self._contracts, self._owner = node, contracts, owner
        self._token_ids: list[int] = []

    async def read(self, head: Head, range_keys: dict[int, str]) -> Reading:
        """Everything at this block. Raises PeerUnavailable, and RequestRefused if the block is gone."""
        common, tokens = await self._ask(head)
        if not self._is_complete(common.nft_count, tokens):
            self._token_ids = await self._list_tokens(head, common.nft_count)
            common, tokens = await self._ask(head)
        ranges = (
            self._own(token_id, range_keys, *rest) for token_id, rest in zip(self._token_ids, tokens, strict=True)
        )
        return Reading(
            head=head,
            holdings=Holdings(
                pair=self._contracts.pair, sqrt_price_x96=common.slot0.sqrt_price_x96, tick=common.slot0.tick,
                ranges=tuple(each for each in ranges if each is not None),
                idle_base=common.idle_base, idle_quote=common.idle_quote,
            ),
            growth=Growth(common.growth0, common.growth1),
            allowance_base=common.allowance_base, allowance_quote=common.allowance_quote,
        )  # fmt: skip

    async def _ask(self, head: Head) -> tuple["_Common", list[list[Any]]]:
        at, manager, owner = self._contracts, self._contracts.manager, self._owner
        calls: list[Call[Any]] = [
            pool.slot0(at.pool), pool.fee_growth_global0(at.pool), pool.fee_growth_global1(at.pool),
            erc20.balance_of(at.base, owner), erc20.balance_of(at.quote, owner),
            erc20.allowance(at.base, owner, manager), erc20.allowance(at.quote, owner, manager),
            position_manager.balance_of(manager, owner),
        ]  # fmt: skip
        width = len(calls)
        for token_id in self._token_ids:
            calls += [
                position_manager.owner_of(manager, token_id),
                position_manager.positions(manager, token_id),
                # Stored fees are stale until the position is touched: a simulated collect touches it.
                position_manager.collect(manager, token_id, owner),
            ]
        outcomes = await self._node.read_outcomes(calls, head.hash, owner)
        for outcome in outcomes[:width]:
            if isinstance(outcome, RequestRefused):
                raise outcome
        rest = outcomes[width:]
        return _Common(*outcomes[:width]), [
            rest[i : i + _CALLS_PER_TOKEN] for i in range(0, len(rest), _CALLS_PER_TOKEN)
        ]

    def _is_complete(self, count: int, tokens: list[list[Any]]) -> bool:
        return count == len(tokens) and all(owner == self._owner for owner, _, _ in tokens)

    async def _list_tokens(self, head: Head, count: int) -> list[int]:
        calls = [position_manager.token_of_owner(self._contracts.manager, self._owner, index) for index in range(count)]
        return list(await self._node.read_many(calls, head.hash))

    def _own(
        self, token_id: int, keys: dict[int, str], _owner: str, position: Position, fees: Any
    ) -> OwnedRange | None:
        """The range of an NFT, or None if it belongs to another pool or is empty."""
        for refused in (position, fees):
            if isinstance(refused, RequestRefused):
                raise refused
        is_ours = (position.token0, position.token1) == self._contracts.tokens
        is_ours = is_ours and position.fee_ppm == self._contracts.pair.fee_ppm
        if not is_ours or not (position.liquidity or any(fees)):
            return None
        fees_base, fees_quote = self._contracts.pair.unorder(*fees)
        return OwnedRange(
            key=keys.get(token_id, f"nft-{token_id}"), token_id=token_id,
            range=Range(position.tick_lower, position.tick_upper, position.liquidity),
            fees_base=fees_base, fees_quote=fees_quote,
        )  # fmt: skip


class _Common(NamedTuple):
    """Answers of the calls that do not depend on our NFTs, in their order."""

    slot0: Slot0
    growth0: int
    growth1: int
    idle_base: int
    idle_quote: int
    allowance_base: int
    allowance_quote: int
    nft_count: int
