"""A service small enough to see through: the tests start it as a real process."""

import sys

import msgspec

from common.messages import EngageKill, Header, KillStateChanged, Message, RearmTrading
from common.model.errors import InvariantBroken
from common.runtime import Service, main


class ToyConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    greeting: str = "hello"


class ToyService(Service[ToyConfig]):
    service_name = "oms"

    async def start(self) -> None:
        self.on_request[EngageKill] = self.engage
        self.on_request[RearmTrading] = self.crash

    def engage(self, request: EngageKill, _header: Header) -> Message:
        return KillStateChanged(engaged=True, reason=request.reason, operator=self.config.greeting, engaged_ns=1)

    def crash(self, _request: RearmTrading, _header: Header) -> Message:
        raise InvariantBroken("asked to")

    async def stop(self) -> None:
        print("stopped in order", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(ToyService, ToyConfig)
