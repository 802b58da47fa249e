"""Exponential, logarithm and cosine with the same bits on every processor, C library and version of NumPy.

Each is a fixed sequence of operations that IEEE 754 rounds correctly, +, -, * and /, on single float64 numbers. Those
of C libraries and of NumPy are accurate too, but in the last bit they differ from each other.
"""

import math

import numpy as np

_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
_PER_LN2 = float.fromhex("0x1.71547652b82fep0")
_WHOLE = float.fromhex("0x1.8p52")  # added to a number below 2**51, it rounds that to a whole one
_SQRT2 = 1.4142135623730951


def exponential(x: np.ndarray) -> np.ndarray:
    """e**x for float64 x <= 0, within 1 unit in the last place; 0 below -708. lenet5.cpp does the same operations."""
    x = np.asarray(x, np.float64)
    lowest = np.maximum(x, -708.0)  # NaN stays
    count = (lowest * _PER_LN2 + _WHOLE) - _WHOLE
    rest = lowest - count * _LN2_HIGH - count * _LN2_LOW  # at most ln(2) / 2
    total = np.full_like(rest, 1.0 / math.factorial(13))
    for degree in range(12, -1, -1):
        total = total * rest + 1.0 / math.factorial(degree)
    with np.errstate(invalid="ignore"):
        exponents = (count.astype(np.int64) + 1023) << 52
    return np.where(x < -708, 0.0, total * exponents.view(np.float64))


def logarithm(x: np.ndarray) -> np.ndarray:
    """ln(x) for finite float64 x >= 1, within some units in the last place. lenet5.cpp does the same operations."""
    x = np.asarray(x, np.float64)
    bits = x.view(np.int64)
    count = ((bits >> 52) - 1023).astype(np.float64)
    mantissa = ((bits & 0xFFFFFFFFFFFFF) | (1023 << 52)).view(np.float64)  # 1 to 2
    is_upper = mantissa > _SQRT2
    mantissa, count = np.where(is_upper, mantissa * 0.5, mantissa), np.where(is_upper, count + 1, count)
    s = (mantissa - 1) / (mantissa + 1)  # ln(m) = 2 (s + s**3 / 3 + s**5 / 5 + ...)
    square = s * s
    total = np.full_like(s, 1.0 / 23)
    for degree in range(21, 0, -2):
        total = total * square + 1.0 / degree
    return x - x + (count * _LN2_HIGH + (count * _LN2_LOW + 2 * s * total))  # x - x: NaN stays


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The loss of each image in nats (n,) float64, for logits (n, classes) float32 and labels (n,).

    Those of an image depend on its own logits alone: classes are added one after the other.
    """
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    total = np.zeros(len(logits))
    for powers in exponential(shifted).T:
        total = total + powers
    return logarithm(total) - shifted[np.arange(len(labels)), labels]


def cosine_of_pi(x: float) -> float:
    """cos(pi * x) for x from 0 to 1, within some units of 2**-53."""
    if x > 0.5:
        return -cosine_of_pi(1 - x)
    square = (math.pi * x) * (math.pi * x)
    total = 0.0
    for degree in range(24, -1, -2):  # Taylor: the next term is below 2**-70
        total = total * square + (1 if degree % 4 == 0 else -1) / math.factorial(degree)
    return total
