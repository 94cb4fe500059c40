"""Liveness, snapshots, refusals, and the kill switch: what every process speaks."""

from common.messages.base import Message


class Heartbeat(Message, frozen=True, kw_only=True):
    """Topic `heartbeat.<process>|`: each second from the work loop, and at once to each new subscription.

    `last_sequences` gives the newest sequence of every topic of this boot, so a lost last message is seen too.
    """

    process: str
    state: str
    last_sequences: dict[str, int]


class QueryHealth(Message, frozen=True, kw_only=True):
    """Ask any process how it is. Answered by HealthReported."""


class HealthReported(Message, frozen=True, kw_only=True):
    """Answer to QueryHealth. `details` are the few figures that the process's operator wants on one line."""

    process: str
    pid: int
    state: str
    uptime_s: float
    boot_ns: int
    counters: dict[str, int]
    details: dict[str, str | int | float | bool]


class QuerySnapshot(Message, frozen=True, kw_only=True):
    """Ask any process for its present facts. Answered by SnapshotReported."""


class SnapshotReported(Message, frozen=True, kw_only=True):
    """Facts of one process at one moment. `facts` are encoded messages; apply only events after `last_sequences`."""

    process: str
    boot_ns: int
    last_sequences: dict[str, int]
    facts: list[bytes]


class Rejected(Message, frozen=True, kw_only=True):
    """A request was understood and refused, or not understood. `code` is stable, `detail` is for people."""

    code: str
    detail: str


class EngageKill(Message, frozen=True, kw_only=True):
    """Cancel everything and refuse all new orders until rearmed; survives restarts. Answered by KillStateChanged."""

    reason: str
    operator: str


class RearmTrading(Message, frozen=True, kw_only=True):
    """Release the kill latch. Answered by KillStateChanged."""

    operator: str


class KillStateChanged(Message, frozen=True, kw_only=True):
    """Topic `kill.oms|`, on change and in the oms's snapshot. `canceled` orders were taken off the venues."""

    engaged: bool
    reason: str
    operator: str
    engaged_ns: int
    canceled: int = 0
