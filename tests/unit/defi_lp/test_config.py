"""The committed configuration is read; what cannot be is refused with its reason."""

from typing import Any

import pytest

from common.model.errors import ConfigInvalid
from common.runtime.config import convert_config, load_config
from services.defi_lp.config import DefiLpConfig
from tests.conftest import PROJECT

LEAST: dict[str, Any] = {"mid_venue": "binance", "mid_symbol": "ETH-USDT", "quote_symbol": "USDC"}


def test_the_paper_configuration_is_valid() -> None:
    config = load_config(PROJECT / "configs" / "paper" / "defi_lp.toml", DefiLpConfig)
    assert config.keeper.interval_s_min == 60 and config.reference_base is None


@pytest.mark.parametrize(
    ("bad", "match"),
    [
        ({"poll_s": 0.0}, "poll_s"),
        ({"reference_base": -1.0}, "reference_base"),
        ({"keeper": {"mid_gap_bps_max": 30.0}}, "mid_gap_bps_max"),
        ({"model": {"decay": 0.0}}, "model"),
        ({"gas": {"tip_wei": 0}}, "gas"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_bad_values_are_refused_by_name(bad: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigInvalid, match=match):
        convert_config(LEAST | bad, DefiLpConfig, "defi_lp.toml")
