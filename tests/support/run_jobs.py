"""Starting train.py as people start it: alone, under horovodrun, under mpirun. No job outlives its test."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil

from tests.support import preloaded

ROOT = Path(__file__).resolve().parent.parent.parent
LAUNCHER_VARIABLES = ("LENET_WATCHED", "HOROVOD_", "OMPI_", "PMI", "PMIX_", "MPI_", "SLURM_")
LIMIT = 120  # seconds after which a job counts as hanging
T = TypeVar("T")
Launcher = Callable[[int], list[str]]  # the words before `python` for a number of processes


def gloo(processes: int) -> list[str]:
    """The words before `python` for Horovod's own launcher and transport."""
    return ["horovodrun", "--gloo", "-np", str(processes)]


def horovodrun(processes: int) -> list[str]:
    """Horovod's launcher as the README has it; it runs mpirun where there is one."""
    return ["horovodrun", "-np", str(processes)]


def mpirun(processes: int) -> list[str]:
    """Open MPI's launcher, with more processes than cores allowed."""
    root = ["--allow-run-as-root"] if os.getuid() == 0 else []
    return ["mpirun", *root, "--oversubscribe", "-np", str(processes)]


def launch(launcher: Launcher | None, processes: int = 1) -> list[str]:
    """The words before `python` for so many processes; none without a launcher."""
    return launcher(processes) if launcher else []


def program(name: str) -> list[str]:
    """The words after `python` for a program of tests/programs/."""
    return ["-m", f"tests.programs.{name}"]


@dataclass
class Outcome:
    """How a job ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[tuple[int | None, str]]:
        """(rank, text) of each line that is not empty; the launcher's tag tells the rank, else it is None."""
        tag = re.compile(r"\[(?:1,)?(\d+)\]<std(?:out|err)>: ?")
        tagged = [(tag.search(line), tag.sub("", line)) for line in self.text.splitlines()]
        return [(match and int(match[1]), text) for match, text in tagged if text]

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def errors(self) -> list[str]:
        """The `error: …` lines, without those words."""
        return [line[len("error: ") :] for _, line in self.lines if line.startswith("error: ")]


def clean_environment() -> dict[str, str]:
    """The environment of a job: nothing of a launcher that has started the tests."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHER_VARIABLES)}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**clean, "PATH": path, "OMP_NUM_THREADS": "1"}


class Job:
    """A command in the background, in the project's root. Leaving the block ends all its processes."""

    def __init__(self, command: Iterable[Any], **variables: str):
        self.mark = uuid.uuid4().hex
        env = {**clean_environment(), "TEST_JOB": self.mark, **variables}
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [str(word) for word in command],
            cwd=ROOT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=self.out,
            stderr=self.err,
            start_new_session=True,
        )

    def __enter__(self: T) -> T:
        return self

    def __exit__(self, *_: object) -> None:
        with self.out, self.err:
            self.kill()
            self.process.wait()

    def processes(self) -> list[psutil.Process]:
        """All living processes of the job, told by their environment: launchers start new process groups."""
        return [process for process in psutil.process_iter() if _variable(process, "TEST_JOB") == self.mark]

    def send(self, number: int) -> None:
        """A signal to the process that was started, not to its children."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to everything at once, as a lost machine would end, and to what was being started meanwhile."""

        def is_gone() -> bool:
            living = self.processes()
            for process in living:
                with suppress(psutil.NoSuchProcess):  # ended by itself meanwhile
                    process.kill()
            return not living

        until(is_gone)

    def wait(self, limit: float = LIMIT) -> Outcome:
        """The Outcome; TimeoutExpired if the job hangs."""
        code = self.process.wait(limit)
        texts = []
        for file in (self.out, self.err):
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
        return Outcome(code, *texts)


def _variable(process: psutil.Process, name: str) -> str | None:
    try:
        return process.environ().get(name)
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return None


def python(launcher: Sequence[str], *words: Any, **variables: str) -> Job:
    """The Job `LAUNCHER python WORDS…`; `launcher` as gloo(2) gives it, [] for none."""
    return Job([*launcher, sys.executable, *words], **variables)


def run(launcher: Sequence[str], *words: Any, **variables: str) -> Outcome:
    """The Outcome of `LAUNCHER python WORDS…`; of one process by a fork, where that makes no difference."""
    if not launcher and not variables and preloaded.can_run(words):
        return Outcome(*preloaded.run([str(word) for word in words], clean_environment(), ROOT, LIMIT))
    with python(launcher, *words, **variables) as job:
        return job.wait()


def train(launcher: Sequence[str], folder: str | Path, *options: Any, **variables: str) -> Path:
    """The output folder of a run of train.py that must end well."""
    outcome = run(launcher, "train.py", "--output-dir", folder, *options, **variables)
    assert outcome.code == 0, outcome.text
    return Path(folder)


def until(condition: Callable[[], T], limit: float = LIMIT) -> T:
    """Wait until `condition()` is true and return what it gave."""
    end = time.monotonic() + limit
    while not (found := condition()):
        assert time.monotonic() < end, f"{condition} did not come true in {limit} s"
        time.sleep(0.01)
    return found


def records(folder: str | Path, kind: str) -> list[dict[str, Any]]:
    """The lines of metrics.jsonl of one kind, `step` or `epoch`."""
    path = Path(folder) / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    whole = [json.loads(line) for line in lines if line.endswith("\n")]
    return [record for record in whole if record["kind"] == kind]


def losses(folder: str | Path) -> dict[int, float]:
    """The loss of each step, by step."""
    return {record["step"]: record["loss"] for record in records(folder, "step")}


def trained(folder: str | Path, network: str = "LeNet5") -> bytes:
    """The bytes of the trained network."""
    return (Path(folder) / f"trained_{network}.params").read_bytes()
