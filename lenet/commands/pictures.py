"""Untrusted PNG and JPEG files as arrays of pixels."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lenet.errors import InputError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels


def read_picture(path: str | Path, channels: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the upright picture as (height, width) uint8 or, with several channels, (height, width, channels).

    With `size` (height, width) it is scaled to cover that size and cropped to it at both sides. InputError: the file is
    not a PNG or JPEG picture, or has more pixels than Pillow allows.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("PNG", "JPEG")) as file:
                image = _convert(ImageOps.exif_transpose(file), channels)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{path}: more than {Image.MAX_IMAGE_PIXELS:,} pixels are too many") from None
    except (OSError, SyntaxError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a whole PNG or JPEG picture"
        raise InputError(f"{path}: {reason}") from None
    if size and image.size != size[::-1]:
        image = ImageOps.fit(image, size[::-1], Image.Resampling.LANCZOS)
    return np.asarray(image)


def viewable(images: np.ndarray) -> np.ndarray:
    """Return the images for a figure: of two channels, brightness and opacity, the first alone."""
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 2 else images


def _convert(image: Image.Image, channels: int) -> Image.Image:
    """Convert to Pillow's mode for `channels`; without a channel for opacity, on a white background."""
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image, np.int64) // 257).clip(0, 255).astype(np.uint8))
    if channels in (1, 3) and image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image.convert(MODES[channels])
