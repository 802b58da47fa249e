"""People's own pictures become images as the network knows them, or are refused by name."""

import numpy as np
import pytest
from PIL import Image

from lenet.commands import user_images
from lenet.errors import InputError
from tests.support.pictures import write_broken


def test_margins_are_cut_off_and_the_longer_edge_fills_the_image(tmp_path):
    canvas = np.full((300, 500, 3), 250, np.uint8)
    canvas[100:200, 150:350] = 20, 40, 60
    Image.fromarray(canvas).save(tmp_path / "bar.png")
    found = user_images.read(tmp_path / "bar.png")
    assert found.shape == (28, 28)
    assert found.dtype == np.uint8
    assert (found[8:20] > 180).all()
    assert found[:6].max() == found[22:].max() == 0


def test_a_picture_that_lies_on_its_side_is_put_upright(tmp_path):
    canvas = np.zeros((40, 80), np.uint8)
    canvas[8:32, 8:40] = 200  # bright on the left; in whole blocks of JPEG, which keeps them as they are
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise: the left becomes the top
    Image.fromarray(canvas).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    Image.fromarray(np.rot90(canvas, -1)).save(tmp_path / "upright.jpg", quality=95)
    assert (user_images.read(tmp_path / "turned.jpg") == user_images.read(tmp_path / "upright.jpg")).all()


def scenes():
    """A photograph of a cross on a background, by what is special: how people's pictures are."""
    rng = np.random.default_rng(0)
    cross = np.zeros((400, 300, 1), bool)
    cross[80:320, 120:180] = cross[160:240, 60:240] = True
    down, right = np.mgrid[-1:1:400j, -1:1:300j][..., None]
    noise = rng.normal(0, 4, (400, 300, 3))
    yield "white on grey", np.where(cross, 250, 128)
    yield "black on grey", np.where(cross, 10, 128)
    yield "red on grey as bright", np.where(cross, (200, 60, 70), (103, 103, 103))
    yield "light that falls off", np.where(cross, (90, 60, 40), 220 - 30 * down - 20 * right) + noise
    yield "dark corners", np.where(cross, (90, 60, 40), 230 - 40 * (down**2 + right**2)) + noise


@pytest.mark.parametrize(("name", "pixels"), list(scenes()), ids=[name for name, _ in scenes()])
def test_what_differs_from_the_background_is_the_clothing(tmp_path, name, pixels):
    picture = np.broadcast_to(pixels, (400, 300, 3)).clip(0, 255).astype(np.uint8)
    Image.fromarray(picture).save(tmp_path / "photo.jpg", quality=90)
    found = user_images.read(tmp_path / "photo.jpg")
    inside = found[2:26, 12:16], found[11:16, 6:22]
    outside = found[:8, :9], found[:8, 19:], found[21:, :9], found[21:, 19:]
    assert min(part.min() for part in inside) > 150
    assert max(part.max() for part in outside) < 40


def test_what_is_no_picture_is_named(tmp_path):
    for name, reason in write_broken(tmp_path).items():
        with pytest.raises(InputError, match=reason):
            user_images.read(tmp_path / name)


def test_a_picture_of_too_many_pixels_is_refused(tmp_path, monkeypatch):
    Image.new("L", (200, 200)).save(tmp_path / "large.png")
    for limit in (39_999, 10_000):  # Pillow warns of the first and refuses the second
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(InputError, match="too many"):
            user_images.read(tmp_path / "large.png")
