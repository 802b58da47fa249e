"""Images that are mirrored and moved: as drawn from seed, epoch and image, and from nothing else."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from lenet.config import Config
from lenet.data.augmentation import AugmentedBatches, draws
from lenet.data.dataset import Split
from lenet.errors import InputError

N = 50


def batches(channels=(), **options):
    rng = np.random.default_rng(0)
    split = Split(rng.integers(0, 256, (N, 12, 9, *channels), np.uint8), np.arange(N).astype(np.uint8) % 5)
    config = Config(seed=3, **options)
    return split, AugmentedBatches(split, mx.cpu(), (0.1,), (0.2,), config)


def by_hand(image, mirrored, down, right, shift):
    """The image mirrored, then moved, with black from outside."""
    image = image[:, ::-1] if mirrored else image
    height, width, *channels = image.shape
    canvas = np.zeros((height + 2 * shift, width + 2 * shift, *channels), np.uint8)
    canvas[shift + down : shift + down + height, shift + right : shift + right + width] = image
    return canvas[shift : shift + height, shift : shift + width]


@pytest.mark.parametrize("channels", [(), (2,), (3,), (4,)])
@pytest.mark.parametrize("options", [{"flip": True}, {"shift": 3}, {"flip": True, "shift": 3}])
def test_a_batch_is_what_the_draws_say(channels, options):
    split, data = batches(channels, **options)
    images, labels = data.buffers(N)
    order = np.random.default_rng(1).permutation(N).astype(np.int32)
    for epoch in (0, 4):
        data.start_epoch(epoch)
        data.take(nd.array(order, dtype="int32"), images, labels)
        table = draws(3, epoch, N, options.get("flip", False), options.get("shift", 0))
        expected = [by_hand(split.images[row], *table[:, row], options.get("shift", 0)) for row in order]
        assert (images.asnumpy() == np.stack(expected)).all()
        assert (labels.asnumpy() == split.labels[order]).all()


def test_an_image_is_drawn_alike_wherever_it_stands():
    _, data = batches((3,), flip=True, shift=2)
    data.start_epoch(1)
    images, labels = data.buffers(N)
    data.take(nd.arange(N, dtype="int32"), images, labels)
    single, label = data.buffers(1)
    for row in (7, 0, 49):
        data.take(nd.array([row], dtype="int32"), single, label)
        assert (single[0] == images[row]).asnumpy().all()


def test_the_draws_are_those_of_seed_epoch_and_image():
    table = draws(1, 2, 1000, True, 4)
    assert (draws(1, 2, 10, True, 4) == table[:, :10]).all()
    for other in (draws(1, 3, 1000, True, 4), draws(2, 2, 1000, True, 4)):
        assert (other != table).any(axis=1).all()
    assert set(table[0]) == {0, 1}
    assert 400 < table[0].sum() < 600
    for moved in table[1:]:
        assert set(moved) == set(range(-4, 5))


def test_a_shift_as_large_as_the_image_is_refused():
    with pytest.raises(InputError, match="--shift 9: nothing of an image of 12 x 9"):
        batches(shift=9)
