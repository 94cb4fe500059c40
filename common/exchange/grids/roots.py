"""Integer roots, exact at any size: a grid's prices must not depend on a machine's floats."""

SMALL_ROOT_BITS = 6


def integer_root(value: int, degree: int) -> int:
    """The largest r with r**degree <= value, for value >= 0 and degree >= 1.

    Half of the root's bits are found first, from the leading bits of the value; they start Newton's iteration from
    above, which then needs a step or two (Brent and Zimmermann, Modern Computer Arithmetic, algorithm 1.14).
    """
    if value < 0 or degree < 1:
        raise ValueError(f"expected a value of at least 0 and a degree of at least 1, got {value} and {degree}")
    if not value:
        return 0
    bits = (value.bit_length() - 1) // degree + 1
    if bits <= SMALL_ROOT_BITS:
        return _small_root(value, degree, bits)
    shift = bits // 2
    root = (integer_root(value >> (shift * degree), degree) + 1) << shift
    while True:
        lower = ((degree - 1) * root + value // root ** (degree - 1)) // degree
        if lower >= root:
            return root
        root = lower


def rounded_root(value: int, degree: int) -> int:
    """The root of this degree, rounded half up."""
    # floor(x + 1/2) = floor((floor(2x) + 1) / 2), and 2x is the root of 2**degree times the value.
    return (integer_root(value << degree, degree) + 1) // 2


def _small_root(value: int, degree: int, bits: int) -> int:
    root = 0
    for bit in range(bits - 1, -1, -1):
        if (root | 1 << bit) ** degree <= value:
            root |= 1 << bit
    return root
