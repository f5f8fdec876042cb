"""How the C library keeps memory for the next picture."""

from __future__ import annotations

import sys
from contextlib import suppress

# of glibc's mallopt(3)
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGEST_KEPT = 32 * 2**20  # bytes: 11 megapixels; glibc takes no more, and on 32 bits not even that
_KEPT_AT_THE_TOP = 256 * 2**20  # bytes of an arena


def keep_freed_memory() -> None:
    """Have glibc keep the memory of pictures, crops and network inputs that are freed: the next ones are as large.

    Otherwise it gives it back, and the system has to clear each page anew: a tenth of a photo's processor time. Other
    C libraries are left as they are. For processes of the tool's own alone: it is for the whole of a process.
    """
    if sys.platform != "linux":
        return
    import ctypes

    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT):
            mallopt(_TRIM_THRESHOLD, _KEPT_AT_THE_TOP)
