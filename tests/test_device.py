"""Process i of a host computes on GPU i of that host; what can not be is said in one line."""

import mxnet as mx
import pytest

from lenet.device import choose_device, settle_engine
from lenet.errors import InputError
from tests import run_jobs


@pytest.fixture
def gpus(monkeypatch):
    """Lets MXNet count as many GPUs as are asked for."""
    return lambda count: monkeypatch.setattr(mx.context, "num_gpus", lambda: count)


@pytest.mark.parametrize("wish", ["cpu", "auto"])
def test_without_a_gpu_it_is_the_cpu(gpus, wish):
    gpus(0)
    assert choose_device(wish, local_rank=3, local_size=4) == mx.cpu()


def test_the_cpu_where_it_is_asked_for(gpus):
    gpus(4)
    assert choose_device("cpu", local_rank=1, local_size=2) == mx.cpu()


@pytest.mark.parametrize("wish", ["gpu", "auto"])
def test_each_process_of_a_host_has_its_own_gpu(gpus, wish):
    gpus(4)
    assert [choose_device(wish, rank, 4) for rank in range(4)] == [mx.gpu(rank) for rank in range(4)]
    assert choose_device(wish, 0, 1) == mx.gpu(0)


@pytest.mark.parametrize("wish", ["gpu", "auto"])
@pytest.mark.parametrize(("count", "told"), [(1, "1 GPU;"), (2, "2 GPUs;")])
def test_more_processes_than_gpus(gpus, wish, count, told):
    gpus(count)
    for rank in range(3):  # all processes of the host alike, also those that would find one
        with pytest.raises(InputError, match="3 processes") as caught:
            choose_device(wish, rank, 3)
        assert told in str(caught.value)
        assert "\n" not in str(caught.value)


def test_no_gpu_at_all(gpus):
    gpus(0)
    with pytest.raises(InputError, match=r"--device gpu: .*no GPU"):
        choose_device("gpu", 0, 1)


@pytest.mark.skipif(mx.context.num_gpus() > 0, reason="this machine has a GPU that MXNet sees")
def test_the_entry_without_a_gpu(small, tmp_path):
    outcome = run_jobs.run([], "train.py", "--device", "gpu", "--data-dir", small, "--output-dir", tmp_path / "run")
    assert outcome.code == 2
    assert len(outcome.text.splitlines()) == 1
    assert outcome.errors[0].startswith("--device gpu: ")
    assert "no GPU" in outcome.errors[0]
    assert not (tmp_path / "run").exists()


def test_the_engine_is_not_settled_once_mxnet_is_there(monkeypatch):
    monkeypatch.delenv("MXNET_ENGINE_TYPE", raising=False)
    with pytest.raises(InputError, match="--debug"):
        settle_engine(True)
    settle_engine(False)
