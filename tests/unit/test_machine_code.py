"""What an installed library can compute with is read from its file."""

import struct

import mxnet as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.machine_code import MachineCode, read_machine_code
from tests.support import fake_cuda_library
from tests.support.fake_cuda_library import HOPPER, PYPI


def test_cubins_and_ptx_are_found(tmp_path):
    found = read_machine_code(fake_cuda_library.write(tmp_path / "library", cubins=PYPI, ptx=[86, 120]))
    assert found.cubins == {(5, 0), (6, 0), (7, 0), (8, 0), (8, 6)}
    assert found.ptx == {(8, 6), (12, 0)}
    assert str(found) == "machine code for 5.0, 6.0, 7.0, 8.0, 8.6 and PTX for 8.6, 12.0"


def test_the_installed_mxnet_for_cpus_has_none():
    found = read_machine_code(mx.libinfo.find_lib_path()[0])
    assert not found
    assert str(found) == "no machine code"


@pytest.mark.parametrize(
    ("cubins", "ptx", "runs", "does_not_run"),
    [
        ([80, 86], [], [(8, 0), (8, 6), (8, 9)], [(7, 5), (9, 0), (10, 0), (12, 0)]),
        ([86], [], [(8, 6), (8, 9)], [(8, 0)]),
        ([90], [90], [(9, 0), (10, 0), (12, 0)], [(8, 9)]),
        ([], [], [], [(5, 0), (9, 0)]),
    ],
)
def test_what_runs_where(cubins, ptx, runs, does_not_run):
    code = MachineCode(*(frozenset(divmod(each, 10) for each in those) for those in (cubins, ptx)))
    assert all(map(code.runs_on, runs))
    assert not any(map(code.runs_on, does_not_run))


@pytest.mark.parametrize("content", [b"\x7fELF\x01\x01", b"text", b"\x7fELF\x02\x01" + bytes(10)])
def test_another_kind_of_file_has_none(tmp_path, content):
    (tmp_path / "library").write_bytes(content)
    assert not read_machine_code(tmp_path / "library")


def test_a_damaged_library_ends_in_no_error_and_no_endless_reading(tmp_path):
    sound = fake_cuda_library.write(tmp_path / "library", cubins=HOPPER, ptx=[90]).read_bytes()
    numbers = st.sampled_from([0, 1, 7, 2**16 - 1, 2**31, 2**32 - 1])

    @given(place=st.integers(0, len(sound) // 4 - 1), number=numbers, length=st.integers(1, len(sound)))
    def check(place, number, length):
        changed = bytearray(sound)
        struct.pack_into("<I", changed, place * 4, number)
        (tmp_path / "library").write_bytes(changed[:length])
        read_machine_code(tmp_path / "library")

    check()
