"""People's PNG and JPEG files as arrays of pixels, read without trust in what they are."""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from lenet.errors import InputError

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's, by the number of channels


def read_picture(path: str | Path, channels: int, size: tuple[int, int] | None = None) -> np.ndarray:
    """The picture, upright, as (height, width) uint8 or, with several channels, (height, width, channels).

    With `size` (height, width) it is brought to that: scaled until it covers the size, what is too much cut off on both
    sides alike. InputError: the file is no PNG or JPEG picture, or has more pixels than Pillow takes for sound.
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
    """Images of a data set as a figure shows them: of two channels, brightness and opacity, only the first."""
    return images[..., 0] if images.ndim == 4 and images.shape[3] == 2 else images


def _convert(image: Image.Image, channels: int) -> Image.Image:
    """In Pillow's mode for so many channels; what can be seen through stands on white where none says so."""
    if image.mode.startswith("I"):  # 16 bits
        image = Image.fromarray((np.asarray(image, np.int64) // 257).clip(0, 255).astype(np.uint8))
    if channels in (1, 3) and image.has_transparency_data:
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    return image.convert(MODES[channels])
