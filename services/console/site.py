"""Where one fleet lives: its configuration, its var folder and the files that console and supervisord share there."""

import os
import time
from pathlib import Path

import msgspec

from common.runtime import Fleet, load_fleet

ROOT = Path(__file__).resolve().parents[2]
SOCKET_NAME = "supervisor.sock"


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What `up` started, for later commands: `run.json` in the var folder."""

    run_id: str
    started_ns: int
    config: str
    flow: str
    seed: int
    supervisor_pid: int = 0


class Site:
    """One fleet on this machine. Relative paths in fleet.toml are relative to the checkout, where processes start."""

    def __init__(self, config: Path, fleet: Fleet) -> None:
        self.config, self.fleet = config, fleet
        self.var = (ROOT / fleet.var_path).resolve()
        self.logs = self.var / "logs"
        self.socket = self.var / SOCKET_NAME
        self.latch = self.var / "KILL"

    def log_of(self, process: str) -> Path:
        """The log file that supervisord writes for a process."""
        return self.logs / f"{process}.log"

    def handlers(self) -> dict[str, str]:
        """Execution handlers by venue."""
        prefix = "execution_handler-"
        return {name.removeprefix(prefix): name for name in self.fleet.processes if name.startswith(prefix)}

    def read_run(self) -> RunRecord | None:
        """The last run, or None before the first."""
        try:
            return msgspec.json.decode((self.var / "run.json").read_bytes(), type=RunRecord)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def write_run(self, record: RunRecord) -> None:
        """Remember a run."""
        self.var.mkdir(parents=True, exist_ok=True)
        scratch = self.var / "run.json.tmp"
        scratch.write_bytes(msgspec.json.encode(record))
        scratch.replace(self.var / "run.json")


def open_site(config: str) -> Site:
    """The fleet of a configuration folder; moves to the checkout's root. Raises ConfigInvalid."""
    folder = Path(config).expanduser()
    folder = (folder if folder.is_absolute() or folder.exists() else ROOT / folder).resolve()
    # Addresses in fleet.toml may be relative: the console must read them from where the processes do.
    os.chdir(ROOT)
    return Site(folder, load_fleet(folder))


def new_run_id(now_s: float) -> str:
    """Name of a run: its UTC start."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
