"""A rank's share of the cores of its host: of its affinity, and of its container's CPU quota."""

import os

import pytest

from distributed import affinity

CORES = {0, 1, 2, 3, 4, 5}


@pytest.fixture
def cgroup(tmp_path, monkeypatch):
    """Writes files of a cgroup with these texts; this process may use six cores."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: CORES)
    monkeypatch.setattr(affinity, "CGROUP", tmp_path)

    def write(files):
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)

    return write


@pytest.mark.parametrize(
    ("files", "alone", "of_two_unbound", "of_two_bound"),
    [
        ({}, 6, 3, 6),
        ({"cpu.max": "max 100000\n"}, 6, 3, 6),
        ({"cpu.max": "400000 100000\n"}, 4, 2, 2),
        ({"cpu.max": "50000 100000\n"}, 1, 1, 1),
        ({"cpu.max": "nonsense\n"}, 6, 3, 6),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2, 1, 1),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, 6, 3, 6),
    ],
    ids=["no cgroup", "no quota", "quota", "less than a core", "nonsense", "version 1", "version 1 without quota"],
)
def test_the_share_of_a_rank(cgroup, files, alone, of_two_unbound, of_two_bound):
    cgroup(files)
    assert affinity.share_of_cores() == alone
    assert affinity.share_of_cores(2, is_bound=False) == of_two_unbound
    assert affinity.share_of_cores(2, is_bound=True) == of_two_bound
