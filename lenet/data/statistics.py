"""The mean and the deviation of pixels, which normalisation takes off and divides by."""

import numpy as np

CHUNK = 1 << 22  # pixels at a time


def pixel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of images (n, H, W) or (n, H, W, C) uint8, as parts of 255.

    Exact sums of whole numbers, rounded to 6 digits at the end: the same on every machine. A channel of one value
    alone has the deviation 1.
    """
    channels = images.shape[3] if images.ndim == 4 else 1
    pixels = images.reshape(-1, channels)
    counts = [_histogram(pixels[:, channel]) for channel in range(channels)]
    means, deviations = zip(*(_mean_and_deviation(each) for each in counts))
    return means, deviations


def _histogram(values: np.ndarray) -> list[int]:
    """How often each of 0 to 255 stands in `values` (n,); in parts, because NumPy counts copies of 8 bytes a value."""
    total = np.zeros(256, np.int64)
    for begin in range(0, len(values), CHUNK):
        total += np.bincount(values[begin : begin + CHUNK], minlength=256)
    return total.tolist()


def _mean_and_deviation(counts: list[int]) -> tuple[float, float]:
    number = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    variance = (number * squares - total * total) / number**2  # the difference of whole numbers is exact
    deviation = variance**0.5 / 255
    return float(f"{total / number / 255:.6g}"), float(f"{deviation:.6g}") if deviation else 1.0
