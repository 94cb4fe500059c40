"""Where each account stands in the schedule: the tier and the rates of its next trade.

Tiers follow an account's volume trade by trade: it is read before the fill that it is then raised by. Rebates follow
its share of the venue's maker volume on the 30 full days before today, so they are constant over a UTC day.
"""

from collections.abc import Mapping
from typing import Final

from common.exchange.events import EXTERNAL_ACCOUNT
from common.exchange.fees.charges import Amount, charges
from common.exchange.fees.schedule import FeeSchedule
from common.exchange.fees.standing import FeeStanding, standing
from common.exchange.fees.volumes import VOLUME_UNITS_MAX, DayVolume, Volume, Volumes, VolumeState
from common.exchange.money import SMALL_MAX

NOBODY: Final[Mapping[str, FeeStanding]] = {}


class _Place:
    """What is remembered of an account until its tier or the day changes. From `units_left` on a fill needs a look."""

    __slots__ = ("rates", "today", "units_left")

    def __init__(self, rates: tuple[int, int]) -> None:
        self.rates, self.units_left = rates, 0
        self.today = Volume()


class Standings:
    """Volumes of all accounts and the rates that follow from them; rates are remembered, so they cost one look-up.

    Accounts of one trade group are one trader: what they trade with each other earns no volume, neither their own nor
    the venue's. The outside world has no volume of its own and so pays the first tier's rates, but what it makes, for
    customers and for itself, is part of the venue's maker volume.

    `today` is the record that the next trade of the day goes to, None before the first.
    """

    def __init__(self, schedule: FeeSchedule, groups: Mapping[str, str]) -> None:
        self.schedule, self._groups = schedule, groups
        self.today: DayVolume | None = None
        self.load(VolumeState())

    @property
    def state(self) -> VolumeState:
        """All that has to be kept."""
        return self._volumes.state

    def load(self, state: VolumeState) -> None:
        """Become what a state says."""
        self._volumes = Volumes(state)
        self._forget(state.day)

    @property
    def is_idle(self) -> bool:
        """True when nobody has traded on any day that still matters."""
        return not self._volumes.state.days

    def find(self, account: str, day: int) -> FeeStanding:
        """Where an account stands. Changes nothing."""
        return standing(self.schedule, self._volumes, account, day)

    def rates(self, account: str, day: int) -> tuple[int, int]:
        """(maker rate, taker rate) of the account's next trade. Days must not run backwards."""
        if day > self._day:
            self._forget(day)
        return (self._places.get(account) or self._remember(account)).rates

    def charges(
        self, maker: str, taker: str, day: int, maker_gets: Amount, taker_gets: Amount
    ) -> tuple[Amount, Amount]:
        """(units, asset) that both sides of a trade pay. What the outside world trades with itself is free."""
        if maker == EXTERNAL_ACCOUNT == taker:
            return (0, maker_gets[1]), (0, taker_gets[1])
        if day > self._day:
            self._forget(day)
        # As in `rates`: every trade asks, so without two more calls.
        places = self._places
        maker_place = places.get(maker) or self._remember(maker)
        taker_place = places.get(taker) or self._remember(taker)
        return charges(maker_place.rates[0], taker_place.rates[1], maker_gets, taker_gets)

    def begin_day(self, day: int) -> Mapping[str, FeeStanding]:
        """Let a later day begin: returns who has another tier by that, sorted by account. O(accounts).

        Who asks for rates of that day, or counts a trade on it, needs not have called this before.
        """
        volumes = self._volumes
        if day <= volumes.state.day:
            return NOBODY
        latest = volumes.state.day
        changed = {
            account: self.find(account, day)
            for account in volumes.leaving(day)
            if self._tier(account, latest) != self._tier(account, day)
        }
        volumes.begin_day(day)
        self._forget(day)
        return changed

    def count(self, day: int, maker: str, taker: str, units: int) -> Mapping[str, FeeStanding]:
        """Count a trade of so many quote units, after its fees. Returns who has another tier by that."""
        groups = self._groups
        changed = self.begin_day(day) if day > self._volumes.state.day else NOBODY
        is_world = maker == EXTERNAL_ACCOUNT
        if not is_world and (maker == taker or (groups and groups.get(maker, maker) == groups.get(taker, taker))):
            return changed
        traded = self.today
        if traded is None:
            traded = self.today = self._volumes.today()
        venue = traded.venue_maker_units + units
        traded.venue_maker_units = venue if venue <= SMALL_MAX else min(venue, VOLUME_UNITS_MAX)
        if not is_world:
            place = self._places.get(maker)
            if place is not None and units < place.units_left:
                place.units_left -= units
                place.today.maker_units += units
            else:
                changed = self._add(maker, units, 0, changed)
        if taker != EXTERNAL_ACCOUNT:
            place = self._places.get(taker)
            if place is not None and units < place.units_left:
                place.units_left -= units
                place.today.taker_units += units
            else:
                changed = self._add(taker, 0, units, changed)
        return changed

    def _add(
        self, account: str, maker_units: int, taker_units: int, changed: Mapping[str, FeeStanding]
    ) -> Mapping[str, FeeStanding]:
        day, tiers = self._volumes.state.day, self.schedule.tiers
        before = self._tier(account, day)
        today = self._volumes.add(account, maker_units, taker_units)
        found, place = self.find(account, day), self._remember(account)
        place.today = today
        place.units_left = VOLUME_UNITS_MAX - today.maker_units - today.taker_units
        if found.tier + 1 < len(tiers):
            next_units = tiers[found.tier + 1].volume_units_min - found.maker_units - found.taker_units
            place.units_left = min(place.units_left, next_units)
        return {**changed, account: found} if found.tier != before else changed

    def _remember(self, account: str) -> _Place:
        found = self.find(account, self._day)
        place = self._places[account] = _Place((found.maker_rate, found.taker_rate))
        return place

    def _tier(self, account: str, day: int) -> int:
        volume = self._volumes.window(account, day)
        return self.schedule.tier(volume.maker_units + volume.taker_units)

    def _forget(self, day: int) -> None:
        self._day, self._places = day, dict[str, _Place]()
        self.today = None
