"""The local node: where npm put it, and how it is started so that it neither forgets nor fills disk and memory."""

import platform
import sys
from pathlib import Path

from common.model.errors import PeerUnavailable

PROJECT = Path(__file__).resolve().parents[2]
MODULES = PROJECT / "node_modules"
# Enough states for a reorganisation of dozens of blocks. A bare --prune-history breaks anvil_reorg.
HISTORY_STATES = 64

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil(modules: Path = MODULES) -> Path:
    """The anvil binary for this machine. Raises PeerUnavailable that says what to do if npm has not installed it."""
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    folder = modules / "@foundry-rs" / f"anvil-{sys.platform}-{machine}" / "bin"
    for name in ("anvil", "anvil.exe"):
        if (folder / name).is_file():
            return folder / name
    raise PeerUnavailable(
        f"anvil is not installed for {sys.platform} {machine}: run `npm install --ignore-scripts` in {modules.parent}"
        " (on a machine that package-lock.json does not list, remove that file first)"
    )


def anvil_command(port: int, chain_id: int, *, history_states: int = HISTORY_STATES) -> list[str]:
    """Command line of a node that mines each transaction at once; idle blocks come from `evm_mine`.

    There is no --block-time on purpose: at 2 s and below anvil keeps 1,500 states whatever --prune-history says, each
    as large as the chain is long (0.5 GB after 2,000 blocks). Without any of them states go to the disk for ever.
    """
    limits = ["--prune-history", str(history_states), "--no-cors"]
    return [str(find_anvil()), "--port", str(port), "--chain-id", str(chain_id), "--accounts", "1", "--silent", *limits]
