"""The library is the one for this processor and of this source; anything else is one line before the first step."""

import platform
import shutil
import sys
from pathlib import Path

import pytest

from lenet.errors import InputError
from lenet.native import loader
from lenet.native.loader import choose_kind, open_library

AVX2 = "avx avx2 fma"
AVX512 = f"{AVX2} avx512f avx512dq avx512cd avx512bw avx512vl"
INSTALLED = Path(sys.prefix) / "lib/lenet-native"


@pytest.fixture
def cpuinfo(tmp_path):
    def write(flags):
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: fpu {flags}\n\nprocessor\t: 1\n")
        return tmp_path / "cpuinfo"

    return write


@pytest.mark.parametrize(
    ("wanted", "machine", "flags", "kind"),
    [
        ("", "x86_64", AVX512, "avx512"),
        ("", "x86_64", AVX2, "avx2"),
        ("avx2", "x86_64", AVX512, "avx2"),
        ("", "aarch64", "", "neon"),
        ("neon", "aarch64", "", "neon"),
    ],
)
def test_the_fastest_kind_that_the_processor_has(cpuinfo, wanted, machine, flags, kind):
    assert choose_kind(wanted, machine, cpuinfo(flags)) == kind


@pytest.mark.parametrize(
    ("wanted", "machine", "flags", "text"),
    [
        ("sse", "x86_64", AVX2, "LENET_VECTORS=sse: avx512, avx2, neon are known"),
        ("avx512", "x86_64", AVX2, "this processor has no avx512f"),
        ("neon", "x86_64", AVX2, "this processor is x86_64"),
        ("avx2", "aarch64", "", "this processor is aarch64"),
        ("", "x86_64", "avx avx2", "AVX2 and FMA"),
        ("", "riscv64", "", "riscv64"),
    ],
)
def test_a_kind_that_cannot_be(cpuinfo, wanted, machine, flags, text):
    with pytest.raises(InputError, match=text):
        choose_kind(wanted, machine, cpuinfo(flags))


def test_the_environment_forces_a_kind(monkeypatch):
    monkeypatch.setenv("LENET_VECTORS", "none")
    with pytest.raises(InputError, match="LENET_VECTORS=none"):
        choose_kind()


def test_a_missing_library(tmp_path):
    with pytest.raises(InputError, match=r"launch/setup\.sh builds it"):
        open_library(tmp_path / "lenet5-avx2.so", "avx2")


def test_a_library_of_other_source(monkeypatch, tmp_path):
    kind = choose_kind()
    stale = shutil.copy(INSTALLED / f"lenet5-{kind}.so", tmp_path / "stale.so")
    monkeypatch.setattr(loader, "source_digest", lambda: "0" * 64)
    with pytest.raises(InputError, match="built from other source"):
        open_library(stale, kind)


def test_each_kind_of_this_machine_is_installed():
    kinds = loader.KINDS[platform.machine()]
    assert sorted(path.name for path in INSTALLED.glob("*.so")) == sorted(f"lenet5-{kind}.so" for kind in kinds)
