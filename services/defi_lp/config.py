"""Settings of the LP keeper."""

import math
import re

import msgspec

from common.chain.fees import GasPolicy
from common.chain.transaction_rules import ResendPolicy
from common.storage.journal import Durability
from common.strategy.lp_plan import PlanRules
from common.strategy.lp_range import RangeModel
from common.strategy.lp_rules import KeeperRules
from common.strategy.lp_saga import SagaRules

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_KEY = re.compile(r"(0[xX])?[0-9a-fA-F]{64}")


class DefiLpConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`defi_lp.toml`.

    `mid_venue`, `mid_symbol`: the book whose middle anchors minimum amounts and gates every move, not older than
    `mid_age_ms_max`. `wallet_key_file`: a keystore or a plain key, of mode 0600; `wallet_password_file` or
    `wallet_password_variable` opens the keystore. `wallet_key_variable`: an environment variable that holds the key, in
    place of a file. Files are relative to the fleet's var folder. `reference_base`: base that we want to own; absent =
    what was owned when this LP began. `sigma_floor_annual`: least lognormal volatility per sqrt(year),
    used alone until the mids have shown theirs. `deadline_s` counts from the block's time. `approval_multiple`:
    allowances are this many times what a move needs, never unlimited. `rpc_timeout_s`: patience with the node,
    three times over for reads. `keepalive_s`: longest silence on the topic while the node answers.
    `settled_after_blocks`: an inventory that has stood for so long is no longer provisional.
    `move_gas`, `collect_gas`: gas that gates expect a move and a collection to use. `command_age_s_max`: a `collect` or
    `rebalance` command that gates hold for longer is given up. `fee_tiers_ppm`: fees of the pools
    that ranges may stand in, beside the chain's own `fee_ppm`; those that do not exist are left out. `twap_window_s`:
    window of each pool's mean tick. `performance_checkpoint_s`: how often the sums of profit are written down.
    """

    mid_venue: str
    mid_symbol: str
    quote_symbol: str
    wallet_key_file: str = "keys/lp.key"
    wallet_key_variable: str = ""
    wallet_password_file: str = ""
    wallet_password_variable: str = ""
    reference_base: float | None = None
    journal_durability: Durability = "full"
    keeper: KeeperRules = KeeperRules()
    model: RangeModel = RangeModel()
    plan: PlanRules = PlanRules()
    saga: SagaRules = SagaRules()
    gas: GasPolicy = GasPolicy()
    resend: ResendPolicy = ResendPolicy()
    mid_age_ms_max: float = 2_000.0
    sigma_half_life_s: float = 300.0
    sigma_floor_annual: float = 0.4
    fee_window_s: float = 900.0
    poll_s: float = 0.25
    rpc_timeout_s: float = 2.0
    keepalive_s: float = 1.0
    deadline_s: int = 90
    approval_multiple: int = 10
    settled_after_blocks: int = 6
    move_gas: int = 1_400_000
    collect_gas: int = 350_000
    command_age_s_max: float = 300.0
    fee_tiers_ppm: tuple[int, ...] = ()
    twap_window_s: int = 300
    performance_checkpoint_s: float = 60.0

    def __post_init__(self) -> None:
        self._check_key_places()
        for name in (
            "mid_age_ms_max", "sigma_half_life_s", "sigma_floor_annual", "fee_window_s", "poll_s", "rpc_timeout_s",
            "keepalive_s", "deadline_s", "approval_multiple", "settled_after_blocks", "command_age_s_max",
            "twap_window_s", "performance_checkpoint_s",
        ):  # fmt: skip
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be positive and finite, got {value}")
        if not all(0 < fee_ppm < 1_000_000 for fee_ppm in self.fee_tiers_ppm):
            raise ValueError(f"fee_tiers_ppm must lie in 1..999999, got {self.fee_tiers_ppm}")
        if self.keeper.mid_gap_bps_max >= self.plan.slippage_bps:
            raise ValueError("keeper.mid_gap_bps_max must be below plan.slippage_bps, else every mint would revert")
        if self.reference_base is not None and not (math.isfinite(self.reference_base) and self.reference_base >= 0):
            raise ValueError(f"reference_base must be finite and at least 0, got {self.reference_base}")

    def _check_key_places(self) -> None:
        """Names, not secrets. A value that breaks the rule may be a secret that was put here: it is not quoted."""
        for name in ("wallet_key_variable", "wallet_password_variable"):
            value = getattr(self, name)
            if value and (not _VARIABLE.fullmatch(value) or _KEY.fullmatch(value)):
                raise ValueError(f"{name} must be the name of an environment variable (A-Z, 0-9, _)")
        for name in ("wallet_key_file", "wallet_password_file"):
            if _KEY.fullmatch(getattr(self, name)):
                raise ValueError(f"{name} must be the name of a file, not a key")
        if self.wallet_password_file and self.wallet_password_variable:
            raise ValueError("wallet_password_file and wallet_password_variable exclude each other")
        if self.wallet_key_variable and (self.wallet_password_file or self.wallet_password_variable):
            raise ValueError("wallet_key_variable holds the key itself: no password belongs to it")
