"""What we hold, where, what it earned, and what the hedge should be. Published by `position_server`."""

from common.messages.base import Message, require_finite


class PositionChanged(Message, frozen=True, kw_only=True):
    """The position of one venue's market. Topic `position.<venue>.<symbol>|`.

    `quantity_lots` is the sum of our fills since the first one (buys positive); `cash` (quote, fees apart) and
    `fees` are exact decimal texts; P&L figures are in quote units at `mark_price`.
    """

    venue: str
    symbol: str
    quantity_lots: int
    cash: str
    fees: str
    average_price: float
    mark_price: float
    realized_pnl: float
    unrealized_pnl: float
    fill_count: int
    taker_fill_count: int
    last_fill_sequence: int
    reconciled_ns: int
    venue_difference_lots: int


class NetExposureChanged(Message, frozen=True, kw_only=True):
    """LP and CeFi legs in one number. Topic `exposure.<base>|`, e.g. `exposure.ETH|`; base units unless said.

    `lp_delta` is what the LP owns of the base (position, fees and idle wallet) less its reference; `cefi_delta` the
    venues' positions; `net_delta` their sum; `hedge_target` = -beta x lp_delta, what the venues should hold;
    `cefi_target_lots` the same in lots of the hedge market. `complete` is false while a source is missing or stale:
    nobody may quote on such a number. `trigger_received_ns` is the edge time of the newest cause.
    """

    base: str
    lp_delta: float
    lp_gamma: float
    cefi_delta: float
    hedge_target: float
    net_delta: float
    cefi_position_lots: int
    cefi_target_lots: int
    lp_age_ms: float
    complete: bool
    reason: str
    trigger_received_ns: int

    def __post_init__(self) -> None:
        require_finite(self, "lp_delta", "lp_gamma", "cefi_delta", "hedge_target", "net_delta", "lp_age_ms")


class ProfitReported(Message, frozen=True, kw_only=True):
    """P&L since the run began, by source, in USD. Topic `profit.<base>|`, each second.

    total = lp_fees + lp_inventory + hedge_trading + hedge_inventory - cefi_fees - gas. `lp_inventory` is the change
    in value of the LP's tokens without fees, `lp_against_hold` the same less holding them (impermanent loss);
    `hedge_trading` is what fills earned against the mid at the fill, `hedge_inventory` the drift of what we held.
    The statistics are time-weighted over samples of one second since the run began.
    """

    base: str
    run_id: str
    run_seconds: float
    lp_fees: float
    lp_inventory: float
    lp_against_hold: float
    hedge_trading: float
    hedge_inventory: float
    cefi_fees: float
    gas: float
    total: float
    samples: int
    net_delta_mean: float
    net_delta_std: float
    unhedged_delta_std: float
    max_abs_net_delta: float
    hedge_turnover: float
