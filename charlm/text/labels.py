"""Labels of each character of a text: its position in the line, whether it is inside quotes, and so on.

Units of trained networks are known to follow them (Karpathy, Johnson and Fei-Fei, "Visualizing and understanding
recurrent networks", 2015).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from charlm.text.vocab import Points

Floats = npt.NDArray[np.float64]

_OPEN, _CLOSE = frozenset("([{"), frozenset(")]}")


def labels_of(points: Points) -> dict[str, Floats]:
    r"""Return the labels of each character of a text, by their names; a label includes the character itself.

    Position and distance are counted in characters. A quotation ends at an empty line, if not before.

    Args:
        points: code points, or bytes.

    Example:
        >>> from charlm.text.vocab import code_points
        >>> labels = labels_of(code_points('  a (b\n"C'))
        >>> labels["position in the line"].tolist()
        [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0, 1.0, 2.0]
        >>> labels["depth of brackets"].tolist()
        [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]
        >>> labels["inside quotes"].tolist()
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    """
    position = since = indentation = depth = 0
    quoted = False
    before = "\n"
    rows = []
    for character in map(chr, points.tolist()):
        if character == "\n":
            quoted = quoted and before != "\n"
            position = since = indentation = 0
        else:
            position += 1
            since = 0 if character.isspace() else since + 1
            indentation += character.isspace() and indentation == position - 1
        depth = max(0, depth + (character in _OPEN) - (character in _CLOSE))
        quoted = (
            not quoted if character == '"' else (quoted or character == "“") and character != "”"
        )
        rows.append((position, since, indentation, depth, depth > 0, quoted, character.isupper()))
        before = character
    names = (
        "position in the line",
        "distance to the last space or newline",
        "indentation",
        "depth of brackets",
        "inside brackets",
        "inside quotes",
        "capitals",
    )
    columns = np.array(rows, dtype=np.float64).reshape(-1, len(names)).T
    return dict(zip(names, columns, strict=True))
