"""Whatever the bits of a result depend on besides config and data is compared between the processes of a job."""

import os

import pytest

from lenet.config import Config
from lenet.training.fingerprint import fingerprint

CHANGES = {
    "the number of threads": lambda patch: patch.setenv("OMP_NUM_THREADS", "7"),
    "MXNET_MKLDNN_ENABLED": lambda patch: patch.setenv("MXNET_MKLDNN_ENABLED", "0"),
    "the C library": lambda patch: patch.setattr(os, "confstr", lambda name: "glibc 2.0"),
    "the processor": lambda patch: patch.setattr("lenet.training.fingerprint.VECTORS", ()),
    "the code": lambda patch: patch.setattr("mxnet.__version__", "1.9.2"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_bits_is_seen(what, monkeypatch):
    before = fingerprint(Config(), "cpu")
    CHANGES[what](monkeypatch)
    after = fingerprint(Config(), "cpu")
    assert [name for name in after if after[name] != before[name]] == [what]


def test_another_device_is_seen():
    assert fingerprint(Config(), "cpu") != fingerprint(Config(), "a GPU")


def test_float_sums_promise_no_bits_so_hosts_may_differ():
    assert set(fingerprint(Config(exchange="float32"), "cpu")) == {"the code"}
