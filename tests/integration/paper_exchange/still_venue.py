"""The paper venue's own process with a spot market and a perpetual, without a market flow: nothing happens by itself.

`python -m tests.integration.paper_exchange.still_venue CONFIG_FOLDER --venue binance`
"""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from common.model.instrument import Instrument
from common.runtime import main
from services.paper_exchange.config import PaperExchangeConfig
from services.paper_exchange.flow import Execute, MarketFlow
from services.paper_exchange.service import PaperExchangeService
from tests.conftest import PROJECT

PROCESS = "paper_exchange-binance"
PERPETUAL = """\
[[instruments]]
venue = "binance"
symbol = "ETH-USDT-PERP"
venue_symbol = "ETHUSDT"
base = "ETH"
quote = "USDT"
tick_size = "0.01"
lot_size = "0.001"
notional_min = "5"
"""
FLEET = """
name = "paper"
var_dir = "{var}"
[venues.binance]
rest_url = "http://127.0.0.1:{port}"
stream_url = "ws://127.0.0.1:{port}"
credentials_file = "{{var}}/keys/binance.toml"
[[instruments]]
venue = "binance"
symbol = "ETH-USDT"
venue_symbol = "ETHUSDT"
base = "ETH"
quote = "USDT"
tick_size = "0.01"
lot_size = "0.0001"
notional_min = "5"
{perpetual}[chain]
name = "paper"
chain_id = 31337
rpc_url = "http://127.0.0.1:1"
fee_ppm = 500
base_symbol = "ETH"
[chain.contracts]
factory = ""
position_manager = ""
router = ""
quoter = ""
base_token = ""
quote_token = ""
pool = ""
[processes.paper_exchange-binance]
publish = "ipc://{{var}}/bus/pub"
respond = "ipc://{{var}}/bus/req"
listens_to = []
"""
SETTINGS = """
maker_fee_bps = "1"
taker_fee_bps = "5"
oracle_from_world = false
[balances]
ETH = "1000"
USDT = "3000000"
[[perpetuals.ETH-USDT-PERP.tiers]]
notional_units_min = 0
leverage_max = 20
[[perpetuals.ETH-USDT-PERP.tiers]]
notional_units_min = 100_000_000_000_000
leverage_max = 5
"""


class NoFlow:
    """A market in which nobody trades."""

    due_ns = 0

    def step(self, execute: Execute, time_ns: int) -> None:
        """Pass half a minute."""
        self.due_ns += 30 * 10**9


class StillVenue(PaperExchangeService):
    """The service itself; only its market is another one."""

    service_name = "paper_exchange"

    def _flow(self, instrument: Instrument) -> MarketFlow:
        return NoFlow()


class VenueProcess:
    """A still venue on its own port and folder, as a process."""

    module, perpetual = __name__, PERPETUAL

    def __init__(self, folder: Path, settings: str = SETTINGS) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.var, self.configs, self.log = folder / "var", folder / "configs", folder / "log"
        self.configs.mkdir()
        (self.configs / "fleet.toml").write_text(FLEET.format(var=self.var, port=port, perpetual=self.perpetual))
        (self.configs / f"{PROCESS}.toml").write_text(settings)
        self.url = f"http://127.0.0.1:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **environment: str) -> None:
        """Run it; returns before it is up."""
        command = [sys.executable, "-m", self.module, str(self.configs), "--venue", "binance"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=PROJECT, env=os.environ | environment, stdout=log, stderr=subprocess.STDOUT
            )

    def is_alive(self) -> bool:
        """True while it runs."""
        return self._process is not None and self._process.poll() is None

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait for its end; returns the exit code."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)
        return self._process.wait(15)


if __name__ == "__main__":
    main(StillVenue, PaperExchangeConfig)
