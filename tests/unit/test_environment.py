"""What libraries read from the environment is settled before they load; what the user has set stays."""

import pytest

from distributed import environment
from distributed.errors import InputError


def test_gpus_are_numbered_as_nvml_numbers_them():
    settled = {}
    environment.settle(settled)
    assert settled["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    chosen = {"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}
    environment.settle(chosen)
    assert chosen["CUDA_DEVICE_ORDER"] == "FASTEST_FIRST"


def test_the_engine_cannot_be_chosen_once_mxnet_is_there(monkeypatch):
    import mxnet  # noqa: F401

    monkeypatch.delenv("MXNET_ENGINE_TYPE", raising=False)
    with pytest.raises(InputError, match="--debug"):
        environment.choose_engine(True)
    environment.choose_engine(False)
