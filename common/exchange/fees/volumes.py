"""Who traded how much on which UTC day: 30-day volumes, and shares of the venue's maker volume.

Notionals count in units (1e-8) of the quote asset, whichever it is: a venue whose quote assets are not worth about the
same must not add their volumes up, so it must not give them one schedule.
"""

from typing import Final

import msgspec

WINDOW_DAYS: Final = 30
NS_PER_DAY: Final = 86_400_000_000_000

VOLUME_UNITS_MAX: Final = 2**63 - 1
"""What one day's record can hold, 92 billion of the quote asset. What is more does not count."""


class Volume(msgspec.Struct):
    """Notional traded as maker and as taker, in units of the quote asset."""

    maker_units: int = 0
    taker_units: int = 0


class DayVolume(msgspec.Struct):
    """One UTC day: all that makers traded at the venue, the outside world's included, and what each account did."""

    day: int
    venue_maker_units: int = 0
    accounts: dict[str, Volume] = msgspec.field(default_factory=dict)


class VolumeState(msgspec.Struct):
    """Volumes by UTC day (days since 1970). `day` is the latest one; `days` those that were traded on, oldest first.

    Kept are the 31 days that end with the latest: 30 with it for the tiers, and the 30 before it for the shares.
    """

    day: int = 0
    days: list[DayVolume] = msgspec.field(default_factory=list)


class Volumes:
    """The state and what can be read from it; reading creates and changes nothing.

    A day after `state.day` may be asked about before anybody trades on it. Time does not run backwards: days before
    the 31 that are kept count as nothing.
    """

    def __init__(self, state: VolumeState) -> None:
        self.state = state

    def window(self, account: str, day: int) -> Volume:
        """Volume of an account on the 30 days that end with a day. O(30)."""
        found = Volume()
        for traded in self.state.days:
            volume = traded.accounts.get(account)
            if volume is not None and day - WINDOW_DAYS < traded.day <= day:
                found.maker_units += volume.maker_units
                found.taker_units += volume.taker_units
        return found

    def maker_share(self, account: str, day: int) -> tuple[int, int]:
        """(maker volume of an account, of the venue) over the 30 full days before a day: today is no part. O(30)."""
        mine = venue = 0
        for traded in self.state.days:
            if day - WINDOW_DAYS <= traded.day < day:
                volume = traded.accounts.get(account)
                mine += 0 if volume is None else volume.maker_units
                venue += traded.venue_maker_units
        return mine, venue

    def leaving(self, day: int) -> list[str]:
        """Accounts, sorted, that traded on a day which is one of the latest 30 and no more when a later day begins."""
        latest = self.state.day
        gone = [each for each in self.state.days if latest - WINDOW_DAYS < each.day <= day - WINDOW_DAYS]
        return sorted({account: None for traded in gone for account in traded.accounts})

    def begin_day(self, day: int) -> None:
        """Let a later day be the latest one, and forget what is too old for it."""
        self.state.days = [each for each in self.state.days if each.day >= day - WINDOW_DAYS]
        self.state.day = day

    def today(self) -> DayVolume:
        """The record of the latest day itself, made on first use: for whoever is about to add to it."""
        state = self.state
        if not state.days or state.days[-1].day != state.day:
            state.days.append(DayVolume(state.day))
        return state.days[-1]

    def add(self, account: str, maker_units: int, taker_units: int) -> Volume:
        """Add to an account's latest day, unless it would become more than VOLUME_UNITS_MAX. Returns its record."""
        volume = self.today().accounts.setdefault(account, Volume())
        if volume.maker_units + volume.taker_units + maker_units + taker_units <= VOLUME_UNITS_MAX:
            volume.maker_units += maker_units
            volume.taker_units += taker_units
        return volume
