"""The functions that are kept as machine code and called without numba."""

from charlm.kernels.compiled import tape, whole_updates

ENTRIES = {**tape.ENTRIES, **whole_updates.ENTRIES}
