"""Where each process speaks: checks of the endpoint table that would otherwise fail late or silently."""

import re
from dataclasses import dataclass
from pathlib import Path

from common.model.errors import ConfigInvalid

IPC_PATH_BYTES_MAX = 107
_LOOPBACK = re.compile(r"^tcp://(127(?:\.\d+){3}|localhost|\[::1\]):\d+$")


@dataclass(frozen=True)
class Endpoint:
    """The two addresses of one process: XPUB for events, ROUTER for requests."""

    process: str
    publish: str
    respond: str

    def check(self, where: str) -> None:
        """Raise ConfigInvalid for an address that cannot be bound safely. `where` names the file."""
        for key, address in (("publish", self.publish), ("respond", self.respond)):
            _check_address(address, f"{where}: processes.{self.process}.{key}")

    def make_folders(self) -> None:
        """Create the 0700 folders of ipc addresses."""
        for address in (self.publish, self.respond):
            if address.startswith("ipc://"):
                Path(address.removeprefix("ipc://")).parent.mkdir(mode=0o700, parents=True, exist_ok=True)


def _check_address(address: str, where: str) -> None:
    if address.startswith("ipc://"):
        path = address.removeprefix("ipc://")
        if len(path.encode()) > IPC_PATH_BYTES_MAX:
            raise ConfigInvalid("address", where, f"a socket path of at most {IPC_PATH_BYTES_MAX} bytes", address)
    elif not _LOOPBACK.match(address):
        # Without CURVE anybody who reaches the port could trade.
        raise ConfigInvalid("address", where, "ipc:// or a loopback tcp:// address", address)
