"""The venue's own key file, and where it may listen."""

import stat

import pytest

from common.model.errors import ConfigInvalid
from services.paper_exchange.keys import ensure_credentials
from services.paper_exchange.server import loopback_address


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path):
    path = tmp_path / "keys" / "binance.toml"
    made = ensure_credentials(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = ensure_credentials(path)
    assert (again.key, again.secret) == (made.key, made.secret) and len(made.secret) == 64 and made.key != made.secret


def test_a_key_that_others_can_read_is_refused(tmp_path):
    path = tmp_path / "binance.toml"
    ensure_credentials(path)
    path.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="0600"):
        ensure_credentials(path)


@pytest.mark.parametrize(
    "url", ["http://0.0.0.0:18080", "http://192.168.1.5:80", "https://api.binance.com", "nonsense"]
)
def test_only_loopback_with_a_port_is_served(url):
    with pytest.raises(ConfigInvalid, match="loopback"):
        loopback_address(url, "fleet.toml")


def test_loopback_addresses_are_taken_apart():
    assert loopback_address("http://127.0.0.1:18080", "x") == ("127.0.0.1", 18080)
    assert loopback_address("http://localhost:18080", "x") == ("127.0.0.1", 18080)
