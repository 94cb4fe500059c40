"""The two traders at work: decisions from arbitrage.py and noise.py, swaps signed with keys of their own."""

from fractions import Fraction
from random import Random

import msgspec

from common.amm.pair import Pair
from common.chain.abi import Call
from common.chain.blocks import Head
from common.chain.events import PoolSwapped, find_events
from common.chain.node import Node
from common.chain.router import SwapParams, exact_input_single
from common.runtime.fleet import ContractAddresses
from services.paper_chain.actor import Actor
from services.paper_chain.arbitrage import BPS, Correction, decide_correction
from services.paper_chain.config import PaperChainConfig
from services.paper_chain.money import allow, count_purse, fill_account, purse_of
from services.paper_chain.noise import NoiseTrader
from services.paper_chain.prices import price_of

DEADLINE_S = 60
ARBITRAGEUR, NOISE = "arbitrageur", "noise"


class Swapped(msgspec.Struct, frozen=True, kw_only=True):
    """A swap that was mined. `quote` is what it moved, in whole quote tokens; `price` the pool's price after it."""

    trader: str
    sells_base: bool
    quote: float
    price: float


class Traders:
    """At most one swap in flight: each is mined before the next is thought of."""

    def __init__(
        self, node: Node, contracts: ContractAddresses, pair: Pair, config: PaperChainConfig, chain_id: int,
        random: Random, now_s: float,
    ) -> None:  # fmt: skip
        self._node, self._contracts, self._pair, self._config = node, contracts, pair, config
        self._arbitrageur = Actor(node, ARBITRAGEUR, chain_id)
        self._noise = Actor(node, NOISE, chain_id)
        self._noise_trader = NoiseTrader(config.noise, random, now_s)

    async def prepare(self) -> None:
        """Purses and allowances; done again at each start, which costs nothing when all is there."""
        for actor in (self._arbitrageur, self._noise):
            await actor.fill_purse()
            await allow(self._node, actor, self._contracts, self._contracts.router)

    async def correct(self, head: Head, sqrt_price_x96: int, middle: Fraction) -> Swapped | None:
        """The arbitrageur's turn. Raises RequestRefused if the swap reverted."""
        correction = decide_correction(self._pair, sqrt_price_x96, middle, self._config.arbitrage.margin_bps)
        if correction is None:
            return None
        quote = self._config.arbitrage.quote_max
        wanted = purse_of(self._pair, quote / float(middle), quote)
        await fill_account(self._node, self._arbitrageur, self._contracts, wanted)
        # The limit protects every unit, so there is no minimum: how much fits before the limit is the pool's matter.
        amount = wanted.base if correction.sells_base else wanted.quote
        swap = self._swap(self._arbitrageur, head, correction, amount, 0)
        return await self._carry_out(self._arbitrageur, swap, correction.sells_base)

    async def make_noise(self, head: Head, sqrt_price_x96: int, now_s: float) -> Swapped | None:
        """The noise trader's turn, if it arrives now. Raises RequestRefused if the swap reverted."""
        if not self._noise_trader.arrives(now_s):
            return None
        price, config = float(price_of(self._pair, sqrt_price_x96)), self._config.noise
        # Enough for the largest swap either way, and room to lean.
        floor = purse_of(self._pair, 2 * config.quote_max / price, 2 * config.quote_max)
        await fill_account(self._node, self._noise, self._contracts, floor)
        owned = await count_purse(self._node, self._contracts, self._noise.address)
        chosen = self._noise_trader.choose(
            self._pair.whole_base(owned.base) * price, self._pair.whole_quote(owned.quote)
        )
        paid = purse_of(self._pair, chosen.quote_amount / price, chosen.quote_amount)
        amount, fair = (paid.base, paid.quote) if chosen.sells_base else (paid.quote, paid.base)
        least = int(fair * (1 - config.slippage_bps / BPS))
        order = Correction(sells_base=chosen.sells_base, sqrt_price_limit_x96=0)
        swap = self._swap(self._noise, head, order, amount, least)
        return await self._carry_out(self._noise, swap, chosen.sells_base)

    def _swap(self, actor: Actor, head: Head, order: Correction, amount: int, least: int) -> Call[int]:
        contracts = self._contracts
        tokens = (contracts.base_token, contracts.quote_token)
        token_in, token_out = tokens if order.sells_base else tokens[::-1]
        params = SwapParams(
            token_in=token_in, token_out=token_out, fee_ppm=self._pair.fee_ppm, recipient=actor.address,
            deadline_s=head.timestamp_s + DEADLINE_S, amount_in=amount, amount_out_min=least,
            sqrt_price_limit_x96=order.sqrt_price_limit_x96,
        )  # fmt: skip
        return exact_input_single(contracts.router, params)

    async def _carry_out(self, actor: Actor, swap: Call[int], sells_base: bool) -> Swapped:
        receipt = await actor.send(swap)
        (event,) = find_events(receipt.logs, PoolSwapped, self._contracts.pool)
        _, quote = self._pair.unorder(event.amount0, event.amount1)
        return Swapped(
            trader=ARBITRAGEUR if actor is self._arbitrageur else NOISE,
            sells_base=sells_base,
            quote=abs(self._pair.whole_quote(quote)),
            price=float(price_of(self._pair, event.sqrt_price_x96)),
        )
