"""The sum over shards has one value, to the bit, for every partition over ranks and every order of adding."""

import mxnet as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import nd

from lenet.training.exact_sum import FIXED_POINT, ShardSum

METRICS = 2
LENGTH = 5
SUBNORMAL = float(np.float32(1e-45))
# What a shard's scaled vector can hold: of any size, in ties of the fixed point and of float32, at both ends.
numbers = st.one_of(
    st.floats(-(2.0**61), 2.0**61, width=32),
    st.floats(-4, 4, width=32),
    st.sampled_from([0.0, -0.0, 0.5, -0.5, 1.5, 2.0**24 + 2, SUBNORMAL, -SUBNORMAL, 2.0**61, -(2.0**61)]),
)
vectors = st.lists(st.lists(numbers, min_size=LENGTH, max_size=LENGTH), min_size=1, max_size=8)


def sum_of(exchange, parts):
    """The sum over ranks whose shards are `parts`, lists of vectors; added up as an allreduce may, rank after rank."""
    totals = []
    for shards in parts:
        own = ShardSum(exchange, LENGTH, METRICS, mx.cpu())
        for place, vector in enumerate(shards):
            own.add(nd.array(vector), is_first=place == 0)
        if not shards:
            own.clear()
        totals.append(own.total.asnumpy())
    result = totals[0]
    for other in totals[1:]:
        result = result + other
    return result


def cut(items, places):
    """`items` in consecutive parts that end at `places`; a part can be empty."""
    ends = sorted(place % (len(items) + 1) for place in places)
    return [items[begin:end] for begin, end in zip([0, *ends], [*ends, len(items)])]


@settings(max_examples=200)
@given(shards=vectors, places=st.lists(st.integers(0, 8), max_size=5), random=st.randoms(use_true_random=False))
def test_one_sum_for_every_partition_and_order(shards, places, random):
    expected = sum_of("exact", [shards])
    shuffled = list(shards)
    random.shuffle(shuffled)
    for parts in (cut(shards, places), cut(shuffled, places), cut(shuffled, places)[::-1]):
        assert sum_of("exact", parts).tobytes() == expected.tobytes()


@settings(max_examples=100)
@given(shards=vectors)
def test_the_sum_is_that_of_whole_numbers(shards):
    """Python's integers, which never round and never end, are the measure; int() cuts off as the cast does."""
    expected = [sum(int(np.float32(vector[place])) for vector in shards) for place in range(LENGTH)]
    wrapped = [(each + 2**63) % 2**64 - 2**63 for each in expected]
    assert sum_of("exact", [shards]).tolist() == wrapped


def test_the_scale_keeps_what_a_weight_can_feel():
    gradient = np.float32([1e-3, -1e-9, 2.5e-12, 100, 2000])
    total = sum_of("exact", [[gradient * np.float32(FIXED_POINT)]]) / FIXED_POINT
    np.testing.assert_allclose(total, gradient, rtol=0, atol=2.0**-40)


def test_floats_would_not_do():
    """Without the fixed point the same shards give other bits in another order: what this module is for."""
    shards = [[2.0**24, 0, 0, 0, 0], [1, 0, 0, 0, 0], [-(2.0**24), 0, 0, 0, 0], [1, 0, 0, 0, 0]]
    orders = ([shards], [shards[::-1]], [shards[:2], shards[2:]], [[shards[0], shards[2]], [shards[1], shards[3]]])
    assert len({sum_of("exact", parts).tobytes() for parts in orders}) == 1
    assert len({sum_of("float32", parts).tobytes() for parts in orders}) > 1


@pytest.mark.parametrize("exchange", ["float32", "float16"])
def test_other_exchanges_add_floats(exchange):
    assert sum_of(exchange, [[[0.25] * LENGTH, [0.5] * LENGTH], []]).tolist() == [0.75] * LENGTH
