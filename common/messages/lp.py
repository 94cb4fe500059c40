"""The LP leg on the bus. Published by `defi_lp`. EVM amounts are decimal texts: msgpack integers end at 64 bits."""

from common.messages.base import Message, require_finite


class LpRange(Message, frozen=True, kw_only=True):
    """One concentrated-liquidity range of ours. `key` is its mint's transaction hash, which a reorg cannot reuse."""

    key: str
    token_id: str
    tick_lower: int
    tick_upper: int
    liquidity: str
    amount_base: str
    amount_quote: str
    fees_base: str
    fees_quote: str


class LpInventoryChanged(Message, frozen=True, kw_only=True):
    """All that the LP wallet owns, after one block. Topic `lp.<chain>.<pool>|`, e.g. `lp.paper.ETH-USDC-500|`.

    Amounts are raw integers as texts: `amount_*` in ranges, `fees_*` owed by them, `idle_*` in the wallet.
    `base_total`/`quote_total` are the same in whole tokens. `price` is quote per base in the pool; prices of bounds
    likewise. `delta` is the base owned in all (base tokens), `gamma` its change per unit of price, `reference` the
    base that we want to own, `residual` = delta - reference, `delta_change` the change since the last message of
    this boot. `provisional` while the block may still be undone. `value_quote` values everything at `price`.
    """

    chain: str
    pool: str
    block_number: int
    block_hash: str
    block_time_ns: int
    received_ns: int
    price: float
    tick: int
    ranges: list[LpRange]
    idle_base: str
    idle_quote: str
    base_total: float
    quote_total: float
    fees_base: float
    fees_quote: float
    price_lower: float
    price_upper: float
    delta: float
    gamma: float
    reference: float
    residual: float
    delta_change: float
    value_quote: float
    provisional: bool
    rebalances: int
    fees_collected_base: float
    fees_collected_quote: float
    gas_spent_native: float
    state: str

    def __post_init__(self) -> None:
        require_finite(self, "price", "delta", "gamma", "reference", "residual", "delta_change", "value_quote")


class LpRebalanced(Message, frozen=True, kw_only=True):
    """The LP moved its ranges. Topic `rebalance.<chain>.<pool>|`. `trigger` says why."""

    chain: str
    pool: str
    trigger: str
    transaction_hash: str
    block_number: int
    price: float
    price_lower: float
    price_upper: float
    gas_native: float
