"""Every image is taken once an epoch, whatever the sizes, however often the run is resumed and resized."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributed import World
from lenet.data.batches import epoch_order
from lenet.run.progress import Progress


class Rank(World):
    """The world as rank `rank` of `size` sees it, as far as sharing goes."""

    def __init__(self, rank, size):
        super().__init__()
        self.rank, self.size = rank, size


def take_step(images, progress, global_batch, shard, size):
    """The places in the epoch's order that each rank takes, and the progress after the step: as in training."""
    end = min(progress.images_done + global_batch, images)
    starts = range(progress.images_done, end, shard)
    parts = [Rank(rank, size).split(starts) for rank in range(size)]
    taken = [[place for start in part for place in range(start, min(start + shard, end))] for part in parts]
    return taken, progress.after_step(end - progress.images_done)


@given(
    images=st.integers(1, 500),
    global_batch=st.integers(1, 300),
    shard=st.integers(1, 80),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
def test_every_image_once_an_epoch_over_any_resizes(images, global_batch, shard, sizes):
    """The number of processes changes before each step; a resume is nothing else."""
    progress, seen, steps = Progress(), [], 0
    while progress.images_done < images:
        size = sizes[steps % len(sizes)]
        taken, progress = take_step(images, progress, global_batch, shard, size)
        shards = [-(-len(part) // shard) for part in taken]
        assert max(shards) - min(shards) <= 1
        assert 0 < sum(map(len, taken)) <= global_batch
        seen += [place for part in taken for place in part]
        steps += 1
    assert seen == list(range(images))  # in the order of the epoch, so the split over ranks does not show
    assert (progress.images_done, progress.step) == (images, steps)
    assert steps == -(-images // global_batch)  # only the last step is smaller


@given(images=st.integers(0, 300), size=st.integers(1, 40))
def test_the_evaluation_covers_a_range(images, size):
    shares = [Rank(rank, size).split(range(images)) for rank in range(size)]
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
