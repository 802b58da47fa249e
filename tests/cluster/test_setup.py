"""Setting up and starting on one machine: the scripts themselves, on machines made of a PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.support.run_jobs import ROOT, Job

TOOLS = ["bash", "env", "dirname", "cat", "cut", "paste", "sed", "tail", "id", "rm", "sha256sum", "flock"]
TOOLS += ["c++", "make", "cmake", "mpirun", "mpicxx"]
MPI_PACKAGES = "openmpi-bin libopenmpi-dev"


class Machine:
    """A copy of the scripts and a PATH that holds nothing but what is put there."""

    def __init__(self, folder):
        self.bin, self.checkout, self.calls = folder / "bin", folder / "checkout", folder / "calls"
        self.bin.mkdir()
        shutil.copytree(ROOT / "launch", self.checkout / "launch")
        for name in TOOLS:
            self.put(name, f'exec {shutil.which(name)} "$@"')
        self.put("python3.11", f'exec {sys.executable} "$@"')
        self.put("apt-get", f'echo "$@" >>{self.calls}; exit 1')

    def put(self, name, script):
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def remove(self, name):
        (self.bin / name).unlink()

    def setup(self, *options, **variables):
        """The Outcome of launch/setup.sh."""
        variables = {"PATH": str(self.bin), "PYTHON": "", **variables}
        with Job([self.checkout / "launch/setup.sh", *options], **variables) as job:
            return job.wait()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def startable(machine):
    """A machine that needs no set-up, with a train.py that says how it was started."""
    (machine.checkout / "launch/setup.sh").write_text("#!/bin/sh\n")
    (machine.checkout / ".venv").symlink_to(sys.prefix)
    (machine.checkout / "train.py").write_text(
        "import os, sys\nopen(f'started-{os.getpid()}', 'w').write(' '.join(sys.argv[1:]))\n"
    )
    return machine


def started(machine):
    """What the processes of train.py saw, a text for each."""
    return [path.read_text() for path in machine.checkout.glob("started-*")]


def local(machine, *options, **variables):
    with Job([machine.checkout / "launch/local.sh", *options], **variables) as job:
        return job.wait()


def test_wrong_python_is_named_with_what_to_install(machine):
    machine.remove("python3.11")
    machine.put("python3", "echo 3.12 /usr")
    outcome = machine.setup()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "error: MXNet 1.9.1 needs Python 3.9 to 3.11, but python3 is 3.12: "
        "install Python 3.11 or name one with PYTHON=/path/to/python3.11\n"
    )


def test_a_python_that_does_not_run_is_named(machine):
    outcome = machine.setup(PYTHON="/nowhere/python3.11")
    assert outcome.code == 2
    assert "but PYTHON=/nowhere/python3.11 does not run: install Python 3.11" in outcome.err


def test_missing_packages_without_root_are_one_command_to_run(machine):
    machine.remove("mpicxx")
    machine.put("id", "echo 1000")
    outcome = machine.setup()
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (f"error: missing Open MPI with its headers; run: sudo apt-get install -y {MPI_PACKAGES}\n")
    assert not machine.calls.exists()


@pytest.mark.parametrize("as_root", [True, False], ids=["root", "sudo"])
def test_missing_packages_are_installed_after_new_package_lists(machine, as_root):
    machine.remove("mpicxx")
    machine.put("id", f"echo {0 if as_root else 1000}")
    machine.put("flock", 'shift; exec "$@"')
    machine.put("sh", 'exec /bin/sh "$@"')
    if not as_root:
        machine.put("sudo", f'echo "sudo" >>{machine.calls}; shift; exec "$@"')
        machine.put("true", "exit 0")
    outcome = machine.setup()
    install = f"-o DPkg::Lock::Timeout=600 install -y --no-install-recommends {MPI_PACKAGES}"
    calls = machine.calls.read_text().splitlines()
    assert [call for call in calls if call != "sudo"] == [install, "update"]
    assert ("sudo" in calls) is not as_root
    assert outcome.code == 1
    assert f"error: apt-get install {MPI_PACKAGES} failed" in outcome.err


def test_without_apt_it_says_what_is_needed(machine):
    machine.remove("apt-get")
    machine.remove("cmake")
    outcome = machine.setup()
    assert outcome.code == 2
    assert outcome.err == "error: missing CMake: install it with this system's package manager\n"


@pytest.mark.skipif(
    Path(sys.prefix) != ROOT / ".venv", reason="this Python is not the checkout's .venv: run tests/run.sh"
)
def test_a_second_setup_does_nothing(tmp_path):
    for name in ("apt-get", "flock"):
        (tmp_path / name).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    with Job([ROOT / "launch/setup.sh", "--dev"], PATH=f"{tmp_path}:{os.environ['PATH']}") as job:
        outcome = job.wait()
    assert (outcome.code, outcome.text) == (0, "")


def test_a_venv_that_is_a_link_is_made_anew_and_what_it_led_to_stays(machine, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kept").touch()
    (machine.checkout / ".venv").symlink_to(tmp_path / "other")
    assert machine.setup().code != 0  # this checkout has no requirements to install
    assert (tmp_path / "other" / "kept").exists()
    assert not (machine.checkout / ".venv").is_symlink()


def test_setup_refuses_an_unknown_option(machine):
    with Job([machine.checkout / "launch/setup.sh", "--fast"]) as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert outcome.errors == ["unknown option '--fast': launch/setup.sh knows --dev and --gpu"]


@pytest.mark.parametrize("options", [["--gpu"], []], ids=["asked for", "as it was"])
@pytest.mark.parametrize("version", ["none", "12.4"])
def test_setup_for_gpus_names_the_compiler_it_needs(machine, options, version):
    """Without the option too, where .venv is for GPUs; and nothing has been touched by then."""
    if version != "none":
        machine.put("nvcc", f"echo 'Cuda compilation tools, release {version}, V{version}.99'")
    venv = machine.checkout / ".venv"
    venv.mkdir()
    if not options:
        (venv / "gpu").touch()
    outcome = machine.setup(*options)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.errors == [
        f"--gpu needs the compiler of CUDA 11, but nvcc in PATH is {version}: "
        "install the CUDA 11 toolkit and put its folder bin in PATH"
    ]
    assert {entry.name for entry in venv.iterdir()} <= {"gpu"}


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "two"])
def test_local_refuses_a_bad_number_of_processes(startable, count):
    outcome = local(startable, NP=count)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.errors == [f"NP is '{count}': it must be a whole number, 1 or more"]


def test_local_help_is_its_own_and_that_of_train(startable):
    outcome = local(startable, "--help", NP="2")
    assert outcome.code == 0
    assert "usage: [NP=n] ./launch/local.sh" in outcome.out
    assert started(startable) == ["--help"]


def test_local_starts_one_process_without_a_launcher(startable):
    outcome = local(startable, "--epochs", "2", NP="1")
    assert outcome.code == 0, outcome.text
    assert outcome.err == "local.sh: starting 1 process(es), as NP says\n"
    assert started(startable) == ["--epochs 2"]


@pytest.mark.parametrize(
    ("count", "processes", "why"),
    [
        ("2", 2, "one per GPU"),
        ("1", 1, "one per GPU"),  # CUDA_VISIBLE_DEVICES hides the other
        ("0", 3, "one per core up to 4"),  # MXNet is built without CUDA
        ("sys.exit(1)", 1, "one per GPU"),  # CUDA does not start: train.py says why
    ],
)
def test_local_starts_a_process_per_gpu_that_mxnet_sees(startable, count, processes, why):
    startable.put("nvidia-smi", "echo 'GPU 0: A'; echo 'GPU 1: B'")
    startable.put("nproc", "echo 3")
    (startable.checkout / "mxnet.py").write_text(f"import sys\nclass context:\n    num_gpus = lambda: {count}\n")
    outcome = local(startable, "--epochs", "2", NP="", PATH=f"{startable.bin}:{os.environ['PATH']}")
    assert outcome.code == 0, outcome.text
    assert f"starting {processes} process(es), {why}\n" in outcome.err
    assert started(startable) == ["--epochs 2"] * processes
