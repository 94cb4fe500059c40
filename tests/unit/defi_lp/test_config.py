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
        ({"fee_tiers_ppm": [500, 0]}, "fee_tiers_ppm"),
        ({"twap_window_s": 0}, "twap_window_s"),
        ({"wallet_password_file": "a", "wallet_password_variable": "A"}, "exclude each other"),
        ({"wallet_key_variable": "A", "wallet_password_variable": "B"}, "no password belongs to it"),
    ],
)
def test_bad_values_are_refused_by_name(bad: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigInvalid, match=match):
        convert_config(LEAST | bad, DefiLpConfig, "defi_lp.toml")


@pytest.mark.parametrize(
    "name", ["wallet_key_file", "wallet_key_variable", "wallet_password_variable", "wallet_password_file"]
)
@pytest.mark.parametrize("secret", ["0x" + "5c" * 32, "5C" * 32, "C5" * 32])
def test_a_key_in_the_configuration_is_refused_and_not_quoted(name: str, secret: str) -> None:
    with pytest.raises(ConfigInvalid, match=name) as error:
        convert_config(LEAST | {name: secret}, DefiLpConfig, "defi_lp.toml")
    assert secret not in str(error.value)


@pytest.mark.parametrize("password", ["correct horse", "hunter2", "Pa$$", "LP PASSWORD"])
def test_a_password_in_place_of_a_variables_name_is_refused_and_not_quoted(password: str) -> None:
    with pytest.raises(ConfigInvalid, match="wallet_password_variable") as error:
        convert_config(LEAST | {"wallet_password_variable": password}, DefiLpConfig, "defi_lp.toml")
    assert password not in str(error.value)
