"""Text in aligned columns."""

from collections.abc import Sequence


def table(heading: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = ()) -> str:
    """Return `heading` and `rows` as lines of aligned columns, two spaces apart.

    Parameters
    ----------
    heading : sequence of str
        The name of each column.
    rows : sequence of sequence of str
        One text for each column.
    left : sequence of int
        The columns that are aligned to the left, as text is; numbers go to the right.

    Returns
    -------
    str
        One line for the heading and one for each row, without spaces at their ends.

    Raises
    ------
    ValueError
        If a row has not as many cells as the heading.
    """
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    lines = []
    for row in (heading, *rows):
        cells = zip(row, widths, strict=True)
        padded = [
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(cells)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)
