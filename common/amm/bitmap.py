"""Which ticks are initialized, in words of 256 (whitepaper section 6.2.2).

A swap never looks further than the present word. Where no tick is initialized there it stops at the word's edge all
the same, and since every stop rounds, leaving that stop out would change results by wei.
All numbers here are compressed ticks: ticks divided by the pool's spacing, rounded down.
"""


class TickBitmap:
    """Words by their number; a bit is set where a tick is initialized."""

    __slots__ = ("words",)

    def __init__(self) -> None:
        self.words: dict[int, int] = {}

    def flip(self, index: int) -> None:
        """Set the bit, or clear it if it is set."""
        number, bit = index >> 8, index & 255
        word = self.words.get(number, 0) ^ (1 << bit)
        if word:
            self.words[number] = word
        else:
            del self.words[number]

    def at_or_below(self, index: int) -> tuple[int, bool]:
        """The nearest initialized tick of this word at or below, or the word's first tick; and whether it is one."""
        bit = index & 255
        seen = self.words.get(index >> 8, 0) & ((2 << bit) - 1)
        return (index - bit + seen.bit_length() - 1, True) if seen else (index - bit, False)

    def above(self, index: int) -> tuple[int, bool]:
        """The nearest initialized tick above within the word of the next tick, or that word's last tick."""
        start = index + 1
        bit = start & 255
        seen = self.words.get(start >> 8, 0) >> bit
        return (start + (seen & -seen).bit_length() - 1, True) if seen else (start - bit + 255, False)
