"""The brokerless bus: XPUB and ROUTER per process, plain ZeroMQ sockets inside asyncio."""

from common.bus.bus import Bus
from common.bus.endpoints import Endpoint
from common.bus.publisher import Publisher
from common.bus.replica import Replica
from common.bus.requester import Reply, Requester
from common.bus.responder import Responder
from common.bus.subscriber import Subscriber

__all__ = ["Bus", "Endpoint", "Publisher", "Replica", "Reply", "Requester", "Responder", "Subscriber"]
