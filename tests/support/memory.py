"""How much memory a call takes."""

import tracemalloc


def peak_of(function):
    """What the function returns, and the bytes that Python and NumPy held at most meanwhile."""
    tracemalloc.start()
    try:
        return function(), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
