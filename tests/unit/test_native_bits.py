"""One set of bits: any number of threads, any width of registers, any processor and compiler."""

import ctypes
import shutil
import subprocess

import numpy as np
import pytest

from lenet.errors import InputError
from lenet.native.loader import choose_kind, load_library, open_library
from tests.support import native
from tests.support.run_jobs import ROOT

DRIVER = ROOT / "tests/programs/native_digest.cpp"
# Seen with AVX2, with registers of each width, and the second with NEON and both compilers.
DIGEST = "ace3ffdae6667cd02e2a253c09d1054bf6d3365933f70d2a78bd617f5c3194cc"
DRIVER_DIGEST = "9d034f4e297f61e1"


def test_the_digest_is_the_known_one():
    assert native.digest() == DIGEST


@pytest.mark.parametrize("case", native.different_cases(), ids=lambda case: f"{case.images.shape}")
def test_threads_change_no_bit(case):
    expected = native.totals(case, threads=1).tobytes()
    logits = native.logits(case, threads=1).tobytes()
    for threads in (2, 5):
        assert native.totals(case, threads=threads).tobytes() == expected
        assert native.logits(case, threads=threads).tobytes() == logits


def test_runs_of_shards_add_up_to_the_whole_step():
    """Whichever ranks compute which."""
    case = native.make_case(images=40, shard=6)
    whole = native.totals(case, threads=2)
    parts = [native.totals(case, begin=begin, end=end) for begin, end in ((0, 12), (12, 30), (30, 40), (40, 40))]
    assert np.sum(parts, axis=0).tobytes() == whole.tobytes()


def test_the_logits_of_an_image_do_not_depend_on_its_neighbours():
    case = native.make_case(images=37)
    together = native.logits(case)
    for begin, count in ((0, 1), (5, 3), (16, 16), (30, 7)):
        assert native.logits(case, begin, count).tobytes() == together[begin : begin + count].tobytes()


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    folder = tmp_path_factory.mktemp("native")
    return lambda lanes, *options, **more: native.build(
        folder / f"{len(list(folder.iterdir()))}", lanes, *options, **more
    )


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"{program} is not installed")


def x86_options():
    if choose_kind() == "neon":
        pytest.skip("registers of one width alone on ARM64")
    return "-mavx2", "-mfma"


@pytest.mark.parametrize("lanes", [4, 16])
def test_the_width_of_registers_changes_no_bit(build, lanes):
    library = ctypes.CDLL(str(build(lanes, "-O1", *x86_options())))
    assert native.digest(library) == DIGEST


def test_avx512_has_the_bits_of_avx2():
    try:
        choose_kind("avx512")
    except InputError as error:
        pytest.skip(str(error))
    folder = load_library()._name.rpartition("/")[0]
    for kind in ("avx2", "avx512"):
        assert native.digest(open_library(ROOT / folder / f"lenet5-{kind}.so", kind)) == DIGEST


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=250).stdout


@pytest.mark.slow
@needs("c++")
def test_a_program_without_python_has_the_known_digest(build):
    """What the tests of other processors and of sanitizers run."""
    options = [] if choose_kind() == "neon" else ["-mavx2", "-mfma"]
    lanes = 4 if choose_kind() == "neon" else 8
    assert run(build(lanes, "-O1", *options, source=DRIVER)).strip() == DRIVER_DIGEST


@pytest.mark.slow
@needs("aarch64-linux-gnu-g++")
@needs("qemu-aarch64-static")
def test_arm64_has_the_bits_of_x86(build):
    program = build(4, "-O3", "-static", source=DRIVER, compiler="aarch64-linux-gnu-g++")
    assert run("qemu-aarch64-static", program).strip() == DRIVER_DIGEST


@pytest.mark.slow
@needs("clang++")
def test_clang_has_the_bits_of_gcc(build):
    assert run(build(8, "-O3", *x86_options(), source=DRIVER, compiler="clang++")).strip() == DRIVER_DIGEST


@pytest.mark.slow
@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(build, sanitizer):
    options = "-O1", "-g", f"-fsanitize={sanitizer}", "-fno-sanitize-recover=all", *x86_options()
    assert run(build(8, *options, source=DRIVER)).strip() == DRIVER_DIGEST
