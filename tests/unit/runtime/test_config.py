"""Configuration: wrong files are refused with file, key path, what was expected and what was found."""

import shutil
from pathlib import Path

import msgspec
import pytest

from common.model.errors import ConfigInvalid
from common.runtime import load_config, load_fleet
from tests.conftest import PROJECT


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    order_notional_max: float

    def __post_init__(self) -> None:
        if self.order_notional_max <= 0:
            raise ValueError("order_notional_max must be positive")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    venue: str
    limits: Limits
    rates: list[float] = []


GOOD = 'venue = "binance"\n[limits]\norder_notional_max = 5.0\n'


def read(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "a.toml").write_text(text)
    return load_config(tmp_path / "a.toml", Settings)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD).limits.order_notional_max == 5.0


@pytest.mark.parametrize(
    ("text", "where", "expected", "got"),
    [
        (GOOD.replace("5.0", '"five"'), "limits.order_notional_max", "float", "five"),
        (GOOD + "gama = 1\n", "limits", "a key that this file knows", "gama"),
        (GOOD.replace('venue = "binance"\n', ""), "a.toml", "the key venue", "nothing"),
        (GOOD.replace("5.0", "-1.0"), "limits", "order_notional_max must be positive", {"order_notional_max": -1.0}),
        ('rates = [1.0, "x"]\n' + GOOD, "rates[1]", "float", "x"),
        ("venue = ", "a.toml", "valid TOML", None),
    ],
)
def test_a_bad_file_is_refused_with_its_key_path(
    tmp_path: Path, text: str, where: str, expected: str, got: object
) -> None:
    with pytest.raises(ConfigInvalid) as refused:
        read(tmp_path, text)
    assert "a.toml" in refused.value.where and where in refused.value.where
    assert refused.value.expected == expected
    if got is not None:
        assert refused.value.got == got


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="nothing there"):
        load_config(tmp_path / "none.toml", Settings)


def test_the_paper_fleet_is_valid_and_var_is_filled_in() -> None:
    fleet = load_fleet(PROJECT / "configs" / "paper")
    assert fleet.processes["oms"].publish == f"ipc://{fleet.var_dir}/bus/oms.pub"
    assert str(fleet.instrument("binance", "ETH-USDT").tick_size) == "0.01"
    with pytest.raises(ConfigInvalid, match="one of binance ETH-USDT"):
        fleet.instrument("binance", "DOGE-USDT")


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ('"ipc://{var}/bus/oms.pub"', '"tcp://0.0.0.0:7000"', "processes.oms.publish"),
        ('listens_to = ["oms"]', 'listens_to = ["nobody"]', "listens_to"),
        ('tick_size = "0.01"', 'tick_size = "0"', "tick_size must be positive"),
        ('tick_size = "0.01"', 'tick_size = "cheap"', "tick_size"),
    ],
)
def test_a_fleet_that_cannot_work_is_refused(tmp_path: Path, old: str, new: str, match: str) -> None:
    shutil.copytree(PROJECT / "configs" / "paper", tmp_path / "paper")
    path = tmp_path / "paper" / "fleet.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigInvalid, match=match):
        load_fleet(tmp_path / "paper")


def fleet_with(folder: Path, name: str, address: str) -> Path:
    """The paper fleet with another address in its chain."""
    text = (PROJECT / "configs" / "paper" / "fleet.toml").read_text()
    lines = [f'{name} = "{address}"' if line.startswith(f"{name} = ") else line for line in text.splitlines()]
    (folder / "fleet.toml").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("address", ["", "ws://127.0.0.1:8545", "wss://node.example/v3/key"])
def test_a_chain_is_read_with_and_without_a_stream(tmp_path: Path, address: str) -> None:
    assert load_fleet(fleet_with(tmp_path, "ws_url", address)).chain.ws_url == address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("ws_url", "http://node.example/s3cret"), ("ws_url", "ws://"), ("ws_url", "ws://[s3cret"),
        ("rpc_url", "ws://node.example/s3cret"), ("rpc_url", ""), ("rpc_url", "http://node.example:0/s3cret"),
        ("rpc_url", "node.example/s3cret"), ("rpc_url", "http://node.example:port/s3cret"),
    ],
)  # fmt: skip
def test_an_address_that_is_none_is_refused_and_not_quoted(tmp_path: Path, name: str, address: str) -> None:
    with pytest.raises(ConfigInvalid, match=f"chain.{name}") as error:
        load_fleet(fleet_with(tmp_path, name, address))
    assert "s3cret" not in str(error.value)
