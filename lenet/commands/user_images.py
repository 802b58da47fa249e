"""Convert a user's pictures to those of Fashion-MNIST: 28 x 28 pixels, bright clothing on black."""

from pathlib import Path

import numpy as np
from PIL import Image

from lenet.commands.pictures import read_picture
from lenet.errors import InputError

SIDE = 28
LARGEST = 280  # pixels of the longer edge that are looked at: enough for 28, and averaged noise is less noise
FAINT = 0.05 * 255  # what differs less from the background belongs to it
SHADOW = 0.2  # … as does what differs less than this part of what the clothing differs by
SPECKS = 0.02  # a row or column with less clothing than this part of it is outside
BRIGHT = 230  # at least this bright becomes the brightest twentieth of the clothing


def read(path: str | Path) -> np.ndarray:
    """Return the picture in a PNG or JPEG file as (28, 28) uint8. InputError: it is no such picture, or too large.

    As in Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747, section 2): bright on dark, without margins, the
    longer edge 28 pixels long, centred. The clothing is what differs from the background, darker or brighter or of
    another colour, and a pixel is as bright as it differs. A picture of 28 x 28 pixels is inverted at most.
    """
    image = _open(path)
    if image.size == (SIDE, SIDE):
        return _turned(np.asarray(image.convert("L")))
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    pixels = np.asarray(image, np.float64)
    difference, noise = _difference(pixels)
    threshold = max(FAINT, 3 * noise, SHADOW * np.quantile(difference, 0.98))
    clothing = difference > threshold
    rows, columns = (np.flatnonzero(clothing.mean(axis=axis) > SPECKS) for axis in (1, 0))
    if not len(rows) or not len(columns):
        raise InputError(f"{path}: the picture is of one colour")
    brightness = np.where(clothing, difference, 0) * max(1, BRIGHT / np.quantile(difference[clothing], 0.95))
    cut = brightness[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].clip(0, 255)
    return _fitted(Image.fromarray(cut.round().astype(np.uint8)))


def _open(path: str | Path) -> Image.Image:
    """Return the picture in RGB, upright and on white."""
    return Image.fromarray(read_picture(path, 3))


def _turned(grey: np.ndarray) -> np.ndarray:
    """Return a picture (28, 28) as bright on dark."""
    return 255 - grey if np.median(grey[_is_border(grey.shape)]) > 127 else grey


def _difference(pixels: np.ndarray) -> tuple[np.ndarray, float]:
    """Return each pixel's difference from the background, 0 to 255, and the background's own noise.

    The background is a polynomial of degree 2 for each channel, since light falls off towards a side or the corners;
    it is fitted to the pixels of the border, without those of clothing that the border cuts.
    """
    height, width, _ = pixels.shape
    down, right = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.ones_like(down), down, right, down * down, down * right, right * right
    places = np.stack(terms, axis=-1)  # (height, width, 6)
    border = _is_border((height, width))
    x, y = places[border], pixels[border]
    background = np.zeros((len(terms), 3))
    background[0] = np.median(y, axis=0)
    for _ in range(3):
        off = np.abs(y - x @ background).max(axis=1)
        near = off <= max(FAINT, 2 * np.median(off))
        background = np.linalg.lstsq(x[near], y[near], rcond=None)[0]
    difference = np.abs(pixels - places @ background).max(axis=-1)
    return difference, float(np.median(np.abs(y - x @ background).max(axis=1)))


def _is_border(shape: tuple[int, ...]) -> np.ndarray:
    """Return which pixels (height, width) belong to the border: a fiftieth of the picture, one pixel at least."""
    inner = np.zeros(shape, bool)
    down, right = (max(1, edge // 50) for edge in shape)
    inner[down:-down, right:-right] = True
    return ~inner


def _fitted(cut: Image.Image) -> np.ndarray:
    """Return the picture (28, 28) with `cut` in the middle, scaled until its longer edge has 28 pixels."""
    scale = SIDE / max(cut.size)
    width, height = (max(1, round(edge * scale)) for edge in cut.size)
    canvas = Image.new("L", (SIDE, SIDE))
    small = cut.resize((width, height), Image.Resampling.LANCZOS)
    canvas.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(canvas)
