"""Folders of small colour pictures for the tests, whose classes can be told apart."""

from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("ant", "bee", "cat & <dog>", "eel", "fly")
HEIGHT, WIDTH = 32, 40


def picture(label: int, rng: np.random.Generator) -> np.ndarray:
    """A picture (HEIGHT, WIDTH, 3) uint8 of the class: noise with a bar of its colour at its height."""
    image = rng.normal(90, 25, (HEIGHT, WIDTH, 3))
    image[6 * label : 6 * label + 6, :, label % 3] += 120
    return image.clip(0, 255).astype(np.uint8)


def write(folder: Path, each: int = 20, seed: int = 0) -> Path:
    """Write `each` pictures of each class as FOLDER/CLASS/NUMBER.png or .jpg, in turn. Returns the folder."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            image = Image.fromarray(picture(label, rng))
            image.save(folder / name / f"{number:03}.{'jpg' if number % 2 else 'png'}")
    return folder


def write_broken(folder: Path) -> dict[str, str]:
    """Write `whole.png`, and files that are no pictures; words of the reason for which each of these is refused."""
    content = Image.fromarray(np.arange(784, dtype=np.uint8).reshape(28, 28))
    content.save(folder / "whole.png")
    content.save(folder / "other.gif")
    Image.new("L", (50, 50), 128).save(folder / "plain.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:-30])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("not a picture")
    unreadable = dict.fromkeys(["other.gif", "cut.png", "empty.png", "text.png"], "PNG or JPEG")
    return {**unreadable, "missing.png": "No such file", "plain.png": "one colour", ".": "directory"}
