"""The hedging leg beside the LP of a test: the real position server, and an oms and a venue without any fill."""

import subprocess
import sys
from pathlib import Path

from common.messages import LpInventoryChanged, NetExposureChanged
from common.runtime import Fleet
from tests.conftest import PROJECT
from tests.integration.position_server.peers import AccountPeer, Observer, OmsPeer


class Hedge:
    """Its target is what the venues should hold against the LP's inventory. Made inside an event loop."""

    def __init__(self, configs: Path, fleet: Fleet) -> None:
        text = (PROJECT / "configs" / "paper" / "position_server.toml").read_text()
        (configs / "position_server.toml").write_text(text + "publish_interval_s = 0.1\n")
        self._oms = OmsPeer(fleet)
        self._account = AccountPeer(fleet, self._oms)
        self._observer = Observer(fleet)
        self._lot = float(fleet.instruments[0].lot_size)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.position_server", str(configs)], cwd=PROJECT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    async def close(self) -> None:
        """End all of it."""
        self._process.kill()
        self._process.wait(10)
        for peer in (self._oms, self._account):
            await peer.close()
        self._observer.bus.close()

    @property
    def exposure(self) -> NetExposureChanged | None:
        """The newest exposure."""
        return self._observer.exposure

    def follows(self, told: LpInventoryChanged) -> bool:
        """The target undoes exactly the residual of this inventory, and may be acted on."""
        seen = self.exposure
        return bool(
            seen and seen.complete
            and (seen.lp_delta, seen.hedge_target, seen.net_delta) == (told.residual, -told.residual, told.residual)
            and seen.cefi_target_lots == round(-told.residual / self._lot)
        )  # fmt: skip
