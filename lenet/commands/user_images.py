"""People's own pictures made into what the network knows: 28 x 28 pixels, bright clothing on black."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lenet.errors import InputError

SIDE = 28
FAINT = 0.05  # of the full range: what differs less from the background belongs to it


def read(path: str | Path) -> np.ndarray:
    """The picture in a PNG or JPEG file as (28, 28) uint8. InputError: the file is no such picture, or too large.

    As in Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747, section 2): bright on dark, without margins, the
    longer edge 28 pixels long, centred. A picture of 28 x 28 pixels is at most turned round.
    """
    grey = _grey(path)
    if np.median(_edge(grey)) > 127:  # dark on bright
        grey = 255 - grey
    if grey.shape == (SIDE, SIDE):
        return grey.round().astype(np.uint8)
    background = np.median(_edge(grey))
    grey = (grey - background).clip(0) * 255 / (255 - background)
    rows, columns = (np.flatnonzero(grey.max(axis=axis) > 255 * FAINT) for axis in (1, 0))
    if not len(rows):
        raise InputError(f"{path}: the picture is of one colour")
    cut = Image.fromarray(grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].round().astype(np.uint8))
    scale = SIDE / max(cut.size)
    width, height = (max(1, round(edge * scale)) for edge in cut.size)
    small = cut.resize((width, height), Image.Resampling.LANCZOS)
    canvas = Image.new("L", (SIDE, SIDE))
    canvas.paste(small, ((SIDE - width) // 2, (SIDE - height) // 2))
    return np.asarray(canvas)


def _grey(path: str | Path) -> np.ndarray:
    """The brightness (height, width) of the picture, 0 to 255, as people see it: upright and on white."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as file:
                image = ImageOps.exif_transpose(file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels are too many") from None
    except (OSError, SyntaxError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a whole PNG or JPEG picture"
        raise InputError(f"{path}: {reason}") from None
    if image.mode.startswith("I"):  # 16 bits
        return np.asarray(image, np.float64) / 257
    seen = image.convert("RGBA")
    paper = Image.new("RGBA", seen.size, "white")
    return np.asarray(Image.alpha_composite(paper, seen).convert("L"), np.float64)


def _edge(grey: np.ndarray) -> np.ndarray:
    return np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
