"""The progress bar: on a terminal, and nowhere else; and what the disk refuses ends no training."""

import fcntl
import os
import pty
import re
import resource
import struct
import subprocess
import sys
import termios

import pytest

from lenet.run.metrics_log import MetricsLog
from lenet.run.progress import Progress
from tests.support import run_jobs
from tests.support.run_jobs import ROOT, mpirun

EPOCH_LINE = r"Epoch \[(\d)\] Loss:\d\.\d{3} Acc:\d\.\d{3} Val:\d\.\d{3} [\d,]+ images/s \d+\.\d s"


def on_a_terminal(*words):
    """What train.py writes on a terminal of 110 columns."""
    own, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, 110, 0, 0))
    command = [sys.executable, "train.py", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while part := os.read(own, 65_536):
                written += part
        except OSError:  # how a terminal ends on Linux
            process.wait()
        finally:
            process.kill()
    os.close(own)
    assert process.returncode == 0, written
    return written.decode()


def test_a_terminal_shows_epoch_step_loss_speed_and_time_left(options, tmp_path):
    written = on_a_terminal("--output-dir", tmp_path, *options())
    shown = re.compile(r"Epoch \[(\d)\] +(\d+)%\|.*\| +([\d.]+)k? images/s, step (\d+), loss \d+\.\d{3}, .* left")
    states = [shown.search(part) for part in re.split(r"[\r\n]+", written)]
    last = [state for state in states if state][-1]
    assert last[1] == "2"
    assert last[2] == "100"
    assert last[4] == "12"
    assert [line[1] for line in re.finditer(EPOCH_LINE, written)] == ["0", "1", "2"]
    assert max(len(part) for part in re.split(r"[\r\n]+", written)) <= 400


def test_a_resumed_bar_goes_on_and_max_steps_is_its_end(options, tmp_path):
    on_a_terminal("--output-dir", tmp_path, *options(), "--max-steps", 6)
    written = on_a_terminal("--output-dir", tmp_path, *options(), "--max-steps", 8)
    percent = [int(found) for found in re.findall(r"(\d+)%\|", written)]
    assert percent[0] >= 70
    assert percent[-1] == 100


@pytest.mark.parametrize("launcher", [[], mpirun(2)], ids=["pipe", "mpirun"])
def test_elsewhere_plain_lines(options, launcher, tmp_path):
    outcome = run_jobs.run(launcher, "train.py", "--output-dir", tmp_path, *options(2 if launcher else 1))
    assert outcome.code == 0
    assert "\r" not in outcome.out.replace("\r\n", "\n")
    assert "%|" not in outcome.text
    assert len(re.findall(EPOCH_LINE, outcome.out)) == 3


def test_metrics_and_tensorboard_that_can_not_be_written_end_no_training(options, tmp_path):
    (tmp_path / "tensorboard").write_text("in the way")
    (tmp_path / "metrics.jsonl").mkdir()
    outcome = run_jobs.run([], "train.py", "--output-dir", tmp_path, *options())
    assert outcome.code == 0, outcome.text
    warnings = outcome.err.splitlines()
    assert len(warnings) == 2
    assert all(line.startswith("warning: ") for line in warnings)
    assert "metrics.jsonl" in warnings[0]
    assert "tensorboard" in warnings[1]
    assert len(re.findall(EPOCH_LINE, outcome.out)) == 3
    assert (tmp_path / "trained_LeNet5.params").exists()


def test_a_disk_that_fills_up_ends_no_training(small, tmp_path):
    """No file may grow over 245 KB: checkpoints have 236 KB, TensorBoard's pictures fill more in some epochs."""
    limit = 245 * 1024
    command = [sys.executable, "train.py", "--data-dir", small, "--output-dir", tmp_path, "--epochs", "9"]
    command += ["--learning-rate", "1e-6"]  # it learns nothing: the pictures stay full of mistakes
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith(f"warning: {tmp_path / 'tensorboard'}: File too large")
    assert len(run_jobs.records(tmp_path, "epoch")) == 9


def test_a_full_disk_is_told_once(tmp_path, capsys):
    journal = MetricsLog(tmp_path, writes=True)
    journal.open(last_step=0)
    journal.file.close()
    with open("/dev/full", "w") as journal.file:
        journal.step(Progress(step=1), loss=1.0, learning_rate=0.1)
        journal.step(Progress(step=2), loss=1.0, learning_rate=0.1)
        journal.close()
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]
