"""A world of one is the identity; what `World` says for any size holds when ranks differ."""

import threading

import mxnet as mx
import numpy as np
import pytest

from distributed import World
from distributed.errors import InputError
from distributed.monitor import Monitor


class ThreadWorld(World):
    """Ranks that are threads of this process: their `all_gather_object` meets at a barrier."""

    def __init__(self, rank, places, threads):
        super().__init__(Monitor(rank, len(places), f"host-{rank}"))
        self.rank, self.size = rank, len(places)
        self.places, self.threads = places, threads

    def all_gather_object(self, value):
        self._check_outside_block()
        self.places[self.rank] = value
        self.threads.wait()
        values = list(self.places)
        self.threads.wait()
        return values


def on_ranks(size, work):
    """What `work(world)` gave or raised on each of `size` ranks."""
    places, results = [None] * size, [None] * size
    meeting = threading.Barrier(size, timeout=20)

    def run(rank):
        try:
            results[rank] = work(ThreadWorld(rank, places, meeting))
        except Exception as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def read_file(world, missing_on=()):
    """The rank, read on each from a file that the ranks `missing_on` do not have."""
    with world.fail_together("the file"):
        if world.rank in missing_on:
            raise InputError(f"rank {world.rank} has no file")
        text = world.rank
    return text


def test_a_world_of_one_is_the_identity():
    world = World()
    assert (world.rank, world.size, world.local[:2], world.is_root) == (0, 1, (0, 1), True)
    vector = mx.nd.array([1, 2])
    world.allreduce(vector)
    world.allreduce(vector, as_float16=True)
    world.broadcast([vector])
    assert vector.asnumpy().tolist() == [1, 2]
    assert world.all_gather_object({"a": 1}) == [{"a": 1}]
    assert world.broadcast_object("x") == "x"
    assert list(world.split(range(5))) == [0, 1, 2, 3, 4]
    assert world.sum([1.5, 2]).tolist() == [1.5, 2.0]
    assert read_file(world) == 0
    world.compare({"the data": "x"})
    world.close()


def test_an_error_of_a_world_of_one_is_reported_as_it_is():
    with pytest.raises(InputError, match=r"^rank 0 has no file$"):
        read_file(World(), missing_on=[0])


@pytest.mark.parametrize(("error", "said"), [(OSError("no room"), "no room\n"), (ValueError("x"), "ValueError: x\n")])
def test_abort_reports_the_error_and_ends_the_process(error, said, capsys):
    with pytest.raises(SystemExit) as caught:
        World(Monitor(host="a")).abort(error)
    assert caught.value.code == 1
    out = capsys.readouterr().err
    assert out.startswith("error: rank 0 of 1 on a: ")
    assert out.endswith(said)


def test_sums_and_the_roots_value():
    assert all(np.array_equal(total, [3, 0.5 * 3]) for total in on_ranks(3, lambda world: world.sum([world.rank, 0.5])))
    assert on_ranks(3, lambda world: world.broadcast_object(f"from {world.rank}")) == ["from 0"] * 3


def test_sums_are_of_doubles():
    assert all(total == 2.0**30 + 1 for total in on_ranks(2, lambda world: world.sum([2.0**30, 1][world.rank])))


def test_a_block_gives_each_rank_its_own_values():
    assert on_ranks(3, read_file) == [0, 1, 2]


def test_an_error_of_one_rank_is_raised_on_all_with_its_place():
    errors = on_ranks(3, lambda world: read_file(world, missing_on=[1]))
    assert {str(error) for error in errors} == {"rank 1 has no file (rank 1 of 3, on host-1)"}
    assert [(type(error), error.ranks) for error in errors] == [(InputError, (1,))] * 3


def test_an_error_of_all_ranks_is_raised_once_without_a_place():
    errors = on_ranks(3, lambda world: read_file(world, missing_on=[0, 1, 2]))
    assert {str(error) for error in errors} == {"rank 0 has no file"}


def test_another_exception_in_a_block_passes_through():
    with pytest.raises(ZeroDivisionError), World().fail_together("the file"):
        1 / 0  # noqa: B018


@pytest.mark.parametrize(
    "collective",
    [
        lambda world: world.barrier(),
        lambda world: world.compare({"the data": "x"}),
        lambda world: world.sum(1),
        lambda world: read_file(world),
    ],
)
def test_a_collective_in_a_block_is_refused_on_all_ranks(collective):
    def nest(world):
        with world.fail_together("the file"):
            collective(world)

    errors = on_ranks(2, nest)
    assert [type(error) for error in errors] == [RuntimeError] * 2
    assert "fail_together('the file')" in str(errors[0])


@pytest.mark.parametrize("name", ["allreduce", "broadcast", "all_gather_object"])
def test_a_world_of_one_refuses_each_collective_in_a_block_too(name):
    world = World()
    with pytest.raises(RuntimeError, match="the file"), world.fail_together("the file"):
        getattr(world, name)([])
    assert getattr(world, name)([]) in (None, [[]])  # the block has ended


def test_equal_facts_pass():
    assert on_ranks(3, lambda world: world.compare({"the data": "x", "the code": "y"})) == [None] * 3


def test_a_fact_that_differs_names_ranks_and_hosts():
    def compare(world):
        world.compare({"the code": "y", "the data": "other" if world.rank in (1, 3) else "same"})

    errors = on_ranks(4, compare)
    assert len({str(error) for error in errors}) == 1
    assert all(isinstance(error, InputError) for error in errors)
    message = str(errors[0])
    for word in ("the data", "rank 0 on host-0", "rank 1 on host-1", "rank 3 on host-3", "same", "other"):
        assert word in message
    assert "host-2" not in message
    assert "\n" not in message
