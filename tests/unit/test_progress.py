"""Every image is taken once an epoch, whatever the sizes, however often the run is resumed and resized."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributed import World
from lenet.data.sampler import epoch_order, next_rows
from lenet.run.progress import Progress


class Rank(World):
    """The world as rank `rank` of `size` sees it, as far as sharing goes."""

    def __init__(self, rank, size):
        super().__init__()
        self.rank, self.size = rank, size


def take_step(order, progress, batch_size, size):
    """The rows that each rank takes, and the progress after the step."""
    rows = next_rows(order, progress.images_done, batch_size * size)
    return [Rank(rank, size).part_of(rows) for rank in range(size)], progress.after_step(len(rows))


@given(
    images=st.integers(1, 500),
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 80)), min_size=1, max_size=6),
    seed=st.integers(0, 2**31 - 1),
    epoch=st.integers(0, 1000),
)
def test_every_image_once_an_epoch_over_any_resizes(images, sizes, seed, epoch):
    """A resize, or a resume with other numbers, before each step: (world size, batch size) change in turn."""
    order = epoch_order(seed, epoch, images)
    progress, seen, steps = Progress(epoch=epoch), [], 0
    while progress.images_done < images:
        size, batch_size = sizes[steps % len(sizes)]
        shares, progress = take_step(epoch_order(seed, epoch, images), progress, batch_size, size)
        taken = np.concatenate(shares)
        assert 0 < len(taken) <= batch_size * size
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        assert max(map(len, shares)) <= batch_size
        seen.extend(taken)
        steps += 1
    assert seen == list(order)  # in the order of the epoch, so the split over ranks does not show
    assert sorted(seen) == list(range(images))
    assert (progress.images_done, progress.step) == (images, steps)


@given(images=st.integers(1, 500), batch_size=st.integers(1, 80), size=st.integers(1, 9))
def test_only_the_last_step_is_smaller(images, batch_size, size):
    order, progress, taken = epoch_order(1, 0, images), Progress(), []
    while progress.images_done < images:
        shares, progress = take_step(order, progress, batch_size, size)
        taken.append(sum(map(len, shares)))
    assert all(count == batch_size * size for count in taken[:-1])
    assert len(taken) == -(-images // (batch_size * size))


@given(images=st.integers(0, 300), size=st.integers(1, 40))
def test_the_evaluation_covers_a_range(images, size):
    shares = [Rank(rank, size).part_of(range(images)) for rank in range(size)]
    assert [row for share in shares for row in share] == list(range(images))


@given(seed=st.integers(0, 2**31 - 1), epoch=st.integers(0, 100), images=st.integers(1, 300))
def test_the_order_is_a_pure_function(seed, epoch, images):
    first = epoch_order(seed, epoch, images)
    np.random.seed(3)
    np.random.rand(5)
    assert np.array_equal(first, epoch_order(seed, epoch, images))
    assert (first.dtype, first.shape) == (np.int32, (images,))


def test_the_order_differs_by_epoch_and_seed():
    orders = [epoch_order(seed, epoch, 100).tolist() for seed in (0, 1, 2) for epoch in (0, 1, 2)]
    assert all(orders.count(order) == 1 for order in orders)


def test_the_order_is_the_same_for_good():
    """A checkpoint of today must find its images in a year: these are NumPy 1.23's."""
    assert epoch_order(1, 0, 10).tolist() == [2, 9, 8, 3, 6, 7, 1, 4, 0, 5]


def test_progress_counts():
    progress = Progress(epoch=2, images_done=10, step=7).after_step(5)
    assert progress == Progress(epoch=2, images_done=15, step=8)
    assert progress.after_epoch() == Progress(epoch=3, images_done=0, step=8)
    with pytest.raises(AttributeError):
        progress.step = 3
