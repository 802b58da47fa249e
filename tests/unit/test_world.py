"""A world of one is the identity; what `World` says for any size holds when ranks differ."""

import threading

import mxnet as mx
import numpy as np
import pytest

from distributed import LaunchError, World


class Refused(Exception):
    pass


class ThreadWorld(World):
    """Ranks that are threads of this process: their `all_gather_object` meets at a barrier."""

    def __init__(self, rank, places, barrier):
        super().__init__()
        self.rank, self.size, self.host = rank, len(places), f"host-{rank}"
        self.places, self.barrier = places, barrier

    def all_gather_object(self, value):
        self.places[self.rank] = value
        self.barrier.wait()
        values = list(self.places)
        self.barrier.wait()
        return values


def on_ranks(size, work):
    """What `work(world)` gave or raised on each of `size` ranks."""
    places, results = [None] * size, [None] * size
    barrier = threading.Barrier(size, timeout=20)

    def run(rank):
        try:
            results[rank] = work(ThreadWorld(rank, places, barrier))
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def fail_on(ranks, world):
    if world.rank in ranks:
        raise Refused(f"rank {world.rank} has no file")
    return world.rank


def test_a_world_of_one_is_the_identity():
    world = World()
    assert (world.rank, world.size, world.local_rank, world.local_size, world.is_root) == (0, 1, 0, 1, True)
    vector = mx.nd.array([1, 2])
    world.allreduce(vector)
    world.allreduce_float16(vector)
    world.broadcast([vector])
    assert vector.asnumpy().tolist() == [1, 2]
    assert world.all_gather_object({"a": 1}) == [{"a": 1}]
    assert world.broadcast_object("x") == "x"
    assert list(world.split(range(5))) == [0, 1, 2, 3, 4]
    assert world.sum([1.5, 2]).tolist() == [1.5, 2.0]
    assert world.on_all_ranks(lambda: 7, Refused, "the file") == 7
    world.compare({"the data": "x"})
    world.close()


def test_a_problem_of_a_world_of_one_is_told_as_it_is():
    with pytest.raises(Refused, match=r"^rank 0 has no file$"):
        World().on_all_ranks(lambda: fail_on([0], World()), Refused, "the file")


def test_abort_of_a_world_of_one_ends_the_process():
    with pytest.raises(SystemExit) as caught:
        World().abort(3)
    assert caught.value.code == 3


def test_sums_and_the_roots_value():
    assert all(np.array_equal(total, [3, 0.5 * 3]) for total in on_ranks(3, lambda world: world.sum([world.rank, 0.5])))
    assert on_ranks(3, lambda world: world.broadcast_object(f"from {world.rank}")) == ["from 0"] * 3


def test_sums_are_of_doubles():
    assert all(total == 2.0**30 + 1 for total in on_ranks(2, lambda world: world.sum([2.0**30, 1][world.rank])))


def test_work_together_gives_each_rank_its_own_result():
    assert on_ranks(3, lambda world: world.on_all_ranks(lambda: fail_on([], world), Refused, "the file")) == [0, 1, 2]


def test_a_problem_of_one_rank_is_raised_on_all_with_its_place():
    errors = on_ranks(3, lambda world: world.on_all_ranks(lambda: fail_on([1], world), Refused, "the file"))
    assert {str(error) for error in errors} == {"rank 1 has no file (rank 1 of 3, on host-1)"}
    assert all(isinstance(error, Refused) for error in errors)


def test_a_problem_of_all_ranks_is_told_once_without_a_place():
    errors = on_ranks(3, lambda world: world.on_all_ranks(lambda: fail_on([0, 1, 2], world), Refused, "the file"))
    assert {str(error) for error in errors} == {"rank 0 has no file"}


def test_equal_facts_pass():
    assert on_ranks(3, lambda world: world.compare({"the data": "x", "the code": "y"})) == [None] * 3


def test_a_fact_that_differs_names_ranks_and_hosts():
    def compare(world):
        world.compare({"the code": "y", "the data": "other" if world.rank in (1, 3) else "same"})

    errors = on_ranks(4, compare)
    assert len({str(error) for error in errors}) == 1
    assert all(isinstance(error, LaunchError) for error in errors)
    message = str(errors[0])
    for word in ("the data", "rank 0 on host-0", "rank 1 on host-1", "rank 3 on host-3", "same", "other"):
        assert word in message
    assert "host-2" not in message
    assert "\n" not in message
