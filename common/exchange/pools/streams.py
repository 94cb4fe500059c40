"""Fees reach a pool's holders linearly over STREAM_NS, so nobody can come just before a fee and leave with it.

Fees of the same SAME_STREAM_NS share a stream, which bounds their number: what is left of it and what comes run
together for another STREAM_NS. So one fee takes exactly STREAM_NS and none longer than both together.
"""

from common.exchange.pools.records import Stream

STREAM_NS = 6 * 3_600 * 10**9
SAME_STREAM_NS = 15 * 60 * 10**9


def rest_of(stream: Stream, time_ns: int) -> int:
    """Units of a stream that are not yet the holders', rounded up."""
    if time_ns >= stream.end_ns:
        return 0
    return -(-stream.units * (stream.end_ns - time_ns) // (stream.end_ns - stream.start_ns))


def unvested(streams: list[Stream], time_ns: int) -> int:
    """Units of all streams that are not yet the holders'."""
    return sum(rest_of(each, time_ns) for each in streams)


def with_fee(streams: list[Stream], units: int, time_ns: int) -> list[Stream]:
    """The streams after another fee; those that have ended are gone. What is not yet the holders' grows by the fee."""
    running = [each for each in streams if each.end_ns > time_ns]
    if running and time_ns - running[-1].opened_ns < SAME_STREAM_NS:
        last = running.pop()
        opened_ns, units = last.opened_ns, units + rest_of(last, time_ns)
    else:
        opened_ns = time_ns
    running.append(Stream(opened_ns=opened_ns, start_ns=time_ns, end_ns=time_ns + STREAM_NS, units=units))
    return running
