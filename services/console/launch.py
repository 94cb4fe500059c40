"""Starting supervisord and ending it, with nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from services.console.proc import fleet_pids, is_alive
from services.console.site import ROOT, RunRecord, Site
from services.console.supervisor import Supervisor, SupervisorUnavailable

CONF = ROOT / "deploy" / "supervisord.conf"
START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 20.0
TERM_TIMEOUT_S = 5.0
POLL_S = 0.05
# Children inherit supervisord's whole environment, so it gets only what they need: no keys, no proxies.
PASSED_ON = ("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE")


class LaunchFailed(Exception):
    """supervisord did not come up; the text says why."""


def environment(site: Site, record: RunRecord) -> dict[str, str]:
    """Everything that the processes may know from their environment."""
    scratch = site.var / "tmp"
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        # Tools that write into the home folder or /tmp (anvil does) shall write into var instead.
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "PYTHONUNBUFFERED": "1",
        "COUNTERWEIGHT_CONFIG": str(site.config),
        "COUNTERWEIGHT_VAR": str(site.var),
        "COUNTERWEIGHT_RUN_ID": record.run_id,
        "COUNTERWEIGHT_FLOW": record.flow,
        "COUNTERWEIGHT_SEED": str(record.seed),
    }


def start_supervisor(site: Site, record: RunRecord) -> int:
    """Start supervisord as a daemon and return its pid. Raises LaunchFailed."""
    for folder in (site.var, site.logs, site.var / "tmp"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    site.socket.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(CONF)],
        cwd=ROOT, env=environment(site, record), capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LaunchFailed(f"supervisord did not start: {(done.stderr or done.stdout).strip()[-500:]}")
    supervisor = Supervisor(site.socket)
    if not wait_until(supervisor.is_running, START_TIMEOUT_S):
        raise LaunchFailed(f"supervisord does not answer; see {site.logs / 'supervisord.log'}")
    return supervisor.pid()


def end_supervisor(site: Site, pid: int) -> bool:
    """Shut supervisord down and wait for its end; false when it lives on."""
    try:
        Supervisor(site.socket).shut_down()
    except SupervisorUnavailable:
        pass  # It is going already.
    return wait_until(lambda: not is_alive(pid), END_TIMEOUT_S)


def end_strays(site: Site) -> list[int]:
    """End what is left of the fleet, first gently; returns those that had to be ended."""
    strays = fleet_pids(site.var)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in fleet_pids(site.var):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if wait_until(lambda: not fleet_pids(site.var), TERM_TIMEOUT_S):
            break
    return strays


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """True as soon as the condition holds, false when it does not within the time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
