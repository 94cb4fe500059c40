"""How a part of the exchange says no."""

from common.exchange.events import RejectReason
from common.model.errors import RequestRefused


class Refused(RequestRefused):
    """Raised by a command's handler before it has changed anything; the exchange answers with `CommandRefused`."""

    def __init__(self, reason: RejectReason, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason


def feature_off(command: object) -> None:
    """The handler of all commands of a part that is switched off."""
    raise Refused(RejectReason.FEATURE_OFF, type(command).__name__)
