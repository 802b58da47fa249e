"""The progress bar: on a terminal, and nowhere else."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

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
    written = on_a_terminal("--output-dir", tmp_path, *options)
    shown = re.compile(r"Epoch \[(\d)\] +(\d+)%\|.*\| +([\d.]+)k? images/s, step (\d+), loss \d+\.\d{3}, .* left")
    states = [shown.search(part) for part in re.split(r"[\r\n]+", written)]
    last = [state for state in states if state][-1]
    assert last[1] == "2"
    assert last[2] == "100"
    assert last[4] == "12"
    assert [line[1] for line in re.finditer(EPOCH_LINE, written)] == ["0", "1", "2"]
    assert max(len(part) for part in re.split(r"[\r\n]+", written)) <= 400


def test_a_resumed_bar_goes_on_and_max_steps_is_its_end(options, tmp_path):
    on_a_terminal("--output-dir", tmp_path, *options, "--max-steps", 6)
    written = on_a_terminal("--output-dir", tmp_path, *options, "--max-steps", 8)
    percent = [int(found) for found in re.findall(r"(\d+)%\|", written)]
    assert percent[0] >= 70
    assert percent[-1] == 100


@pytest.mark.parametrize("launcher", [[], mpirun(2)], ids=["pipe", "mpirun"])
def test_elsewhere_plain_lines(options, launcher, tmp_path):
    outcome = run_jobs.run(launcher, "train.py", "--output-dir", tmp_path, *options)
    assert outcome.code == 0
    assert "\r" not in outcome.out.replace("\r\n", "\n")
    assert "%|" not in outcome.text
    assert len(re.findall(EPOCH_LINE, outcome.out)) == 3
