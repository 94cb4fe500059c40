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
    `state` is idle, opening, active, closing, waiting_for_gas or halted (`halted` says why); `doing` is more exact:
    planning, approving, moving, withdrawing, swapping, minting, collecting, revoking, out_of_range, or "".
    `deposited_*` is what others ever paid into the wallet less what left it for anything but liquidity and swaps,
    `swapped_*` what its own swaps brought, both in whole tokens.
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
    doing: str = ""
    halted: str = ""
    deposited_base: float = 0.0
    deposited_quote: float = 0.0
    swapped_base: float = 0.0
    swapped_quote: float = 0.0

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


class LpPerformanceReported(Message, frozen=True, kw_only=True):
    """Profit of the LP since `since_ns` by source, in quote. Topic `performance.<chain>.<pool>|`, after each block.

    Everything is valued at the CeFi mid, `price`, of its time; deposits and withdrawals are no profit.
    profit = market + fees - lvr - swaps - gas = hold + fees + impermanent - gas; against_hold = profit - hold;
    value = value_start + deposits + profit + gas. `market` is the drift of what was owned, `hold` that of the starting
    tokens and deposits had they been kept; `lvr` is loss-versus-rebalancing as measured, `swaps` the cost of own swaps.
    `fee_apr` is fees per year and unit of capital, None before any time has passed.
    """

    chain: str
    pool: str
    block_number: int
    block_hash: str
    received_ns: int
    since_ns: int
    price: float
    value_start: float
    value: float
    profit: float
    against_hold: float
    fees: float
    impermanent: float
    market: float
    lvr: float
    swaps: float
    gas: float
    hold: float
    deposits: float
    fee_apr: float | None

    def __post_init__(self) -> None:
        require_finite(self, "price", "value", "profit", "against_hold", "fees", "lvr", "gas", "deposits", "fee_apr")


class LpAccount(Message, frozen=True, kw_only=True):
    """One token's account over one saga, in raw units as texts: `after` = `before` + `principal` + `fees` - `deposited`
    + `swapped` - `gas` + `unexplained`. `token` is base, quote or native; before and after are the wallet's own.
    """

    token: str
    before: str
    after: str
    principal: str = "0"
    fees: str = "0"
    deposited: str = "0"
    swapped: str = "0"
    gas: str = "0"
    unexplained: str = "0"


class LpSagaEnded(Message, frozen=True, kw_only=True):
    """An intention of the keeper (`open`, `rebalance`, `collect`, `close`) is over. Topic `saga.<chain>.<pool>|`.

    `outcome` is `done`, `failed` or `abandoned`; `steps` are the kinds of its steps in order, each with a `!` behind
    it that failed. `exact`: every raw unit of both tokens and every wei is explained. `comparable` is false when a
    reorganisation took the block that it began in: then the accounts say nothing.
    """

    chain: str
    pool: str
    saga: int
    intent: str
    trigger: str
    outcome: str
    reason: str
    steps: list[str]
    command_id: str
    ended_ns: int
    accounts: list[LpAccount]
    exact: bool
    comparable: bool


class ExecuteLpCommand(Message, frozen=True, kw_only=True):
    """Tell the keeper `open`, `close`, `collect`, `rebalance` or `resume`. Answered by LpCommandTaken or Rejected.

    `open` and `close` stand across restarts until the other is said. The same `command_id` again is the same command:
    it is carried out once, and the answer says what has become of it.
    """

    command_id: str
    action: str
    operator: str


class LpCommandTaken(Message, frozen=True, kw_only=True):
    """The command is written down. `outcome` is "" while it is under way, else `done`, `failed`, `abandoned`,
    `superseded` or `expired`; `detail` says more. `ended` is the saga that fulfilled it.
    """

    command_id: str
    action: str
    outcome: str
    detail: str
    ended: LpSagaEnded | None = None


class QueryLp(Message, frozen=True, kw_only=True):
    """Ask the keeper for its whole state, and what became of a command. Answered by LpReported."""

    command_id: str = ""


class LpReported(Message, frozen=True, kw_only=True):
    """The keeper as it is now. `state` and `doing` as in LpInventoryChanged; `wants_open`: what it works towards.

    `halted` is why nothing is sent, with its `halt_detail`; `held` is what a due action waits for. `saga`, `intent`,
    `planned` and `step` tell of the saga under way (0 and empty = none). `latest` are the newest ended sagas, newest
    first. `trouble` is what the node last refused or lost. `command` answers the question's `command_id`. `performance`
    is the newest, None before there is a mid.
    """

    state: str
    doing: str
    wants_open: bool
    halted: str
    halt_detail: str
    held: str
    trouble: str
    saga: int
    intent: str
    trigger: str
    planned: list[str]
    step: str
    step_transaction: str
    failures_in_row: int
    inventory: LpInventoryChanged | None
    latest: list[LpSagaEnded]
    command: LpCommandTaken | None = None
    performance: LpPerformanceReported | None = None


class PreviewLpCommand(Message, frozen=True, kw_only=True):
    """Ask what a command would send now. Nothing is written down and nothing is sent. Answered by LpPreviewed."""

    action: str


class LpPlannedRange(Message, frozen=True, kw_only=True):
    """A range to be burned (`token_id`) or minted (""), after tick alignment and rounding. Raw units as texts.

    `amount_*` is what it would return or take at the present price, `*_min` the least, which hangs on the mid.
    """

    token_id: str
    tick_lower: int
    tick_upper: int
    price_lower: float
    price_upper: float
    liquidity: str
    amount_base: str
    amount_quote: str
    base_min: str
    quote_min: str


class LpPlannedCall(Message, frozen=True, kw_only=True):
    """One transaction as it would be sent now. `gas` is the node's estimate, or ours where `is_estimate` is false:
    what depends on an earlier step cannot be estimated yet. `data` is "" where it hangs on what an earlier step gives.
    """

    kind: str
    subject: str
    to: str
    data: str
    gas: int
    is_estimate: bool


class LpPreviewed(Message, frozen=True, kw_only=True):
    """What a command would do now. `gates` hold it back, and `refusal` says why it would not even be taken.

    `mid` is what minimum amounts hang on, 0 = there is none. `price_*_asked` is what the model asks for, `price_*`
    what the ticks give. Costs are what all calls would use at the present gas price; `gain_quote` is what the rules
    expect of it, None where they do not estimate it.
    """

    action: str
    refusal: str
    gates: list[str]
    steps: list[str]
    block_number: int
    price: float
    mid: float
    price_lower_asked: float
    price_upper_asked: float
    price_lower: float
    price_upper: float
    burns: list[LpPlannedRange]
    mints: list[LpPlannedRange]
    calls: list[LpPlannedCall]
    gas_price_wei: str
    gas_cost_native: float
    gas_cost_quote: float
    gain_quote: float | None = None
