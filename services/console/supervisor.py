"""supervisord's own words: XML-RPC over its unix socket."""

import http.client
import socket
import xmlrpc.client
from pathlib import Path
from typing import Any

import msgspec

CALL_TIMEOUT_S = 30.0
# Not on their way to RUNNING any more: an exit code that is final, or too many failed starts.
DEAD_STATES = ("FATAL", "EXITED", "STOPPED", "UNKNOWN")


class SupervisorUnavailable(Exception):
    """Nobody answers on the socket."""


class SupervisorEnding(SupervisorUnavailable):
    """It is shutting down and takes no more requests."""


class ProcessState(msgspec.Struct, frozen=True, kw_only=True):
    """One process as supervisord sees it. Times are UTC seconds."""

    name: str
    state: str
    pid: int
    start_s: int
    exit_status: int
    spawn_error: str


class Supervisor:
    """Every call raises SupervisorUnavailable when supervisord is not there."""

    def __init__(self, path: Path) -> None:
        self._proxy = xmlrpc.client.ServerProxy("http://localhost", transport=_UnixTransport(path))

    def pid(self) -> int:
        """supervisord's own process id."""
        return int(self._call("supervisor.getPID"))

    def is_running(self) -> bool:
        """True while supervisord answers and is not on its way out."""
        return self._state() == "RUNNING"

    def is_ending(self) -> bool:
        """True while supervisord is shutting down."""
        return self._state() == "SHUTDOWN"

    def processes(self) -> dict[str, ProcessState]:
        """All processes by name."""
        return {each["name"]: _process_state(each) for each in self._call("supervisor.getAllProcessInfo")}

    def stop(self, process: str) -> None:
        """Stop a process and wait for its end; harmless when it does not run."""
        try:
            self._call("supervisor.stopProcess", process, True)
        except xmlrpc.client.Fault as fault:
            if "NOT_RUNNING" not in fault.faultString:
                raise

    def start(self, process: str) -> None:
        """Start a process that ended for good, and wait until it is RUNNING."""
        self._call("supervisor.startProcess", process, True)

    def shut_down(self) -> None:
        """End supervisord and whatever still runs under it; returns at once."""
        self._call("supervisor.shutdown")

    def _state(self) -> str:
        try:
            return str(self._call("supervisor.getState")["statename"])
        except SupervisorEnding:
            return "SHUTDOWN"
        except SupervisorUnavailable:
            return ""

    def _call(self, method: str, *arguments: Any) -> Any:
        try:
            return getattr(self._proxy, method)(*arguments)
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorUnavailable(str(error)) from None
        except xmlrpc.client.Fault as fault:
            if "SHUTDOWN_STATE" in fault.faultString:
                raise SupervisorEnding("supervisord is shutting down") from None
            raise
        finally:
            # One connection per call: a client that lives long would otherwise keep a slot of supervisord's.
            self._proxy("close")()


def _process_state(info: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=info["name"], state=info["statename"], pid=info["pid"], start_s=info["start"],
        exit_status=info["exitstatus"], spawn_error=info["spawnerr"],
    )  # fmt: skip


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=CALL_TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_TIMEOUT_S)
        try:
            self.sock.connect(str(self._path))
        except OSError:
            self.sock.close()
            raise


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        # The base class closes what it finds under this name.
        self._connection = host, _UnixConnection(self._path)
        return self._connection[1]
