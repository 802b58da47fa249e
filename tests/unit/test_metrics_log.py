"""What a run tells: a disk that refuses ends no training, and what an earlier part of the run wrote is kept."""

import json

from lenet.run.metrics_log import MetricsLog
from lenet.run.progress import Progress, Totals
from tests.support import run_jobs


def test_a_full_disk_is_told_once(tmp_path, capsys):
    log = MetricsLog(tmp_path, writes=True)
    log.open(last_step=0)
    (lines,) = log.trackers.values()
    lines.close()
    lines.file = open("/dev/full", "w")
    log.step(Progress(step=1), loss=1.0, learning_rate=0.1)
    log.step(Progress(step=2), loss=1.0, learning_rate=0.1)
    log.close()
    assert lines.file.closed
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == 1
    assert "No space left on device" in warnings[0]


class Broken:
    """A tracker that fails at its first record."""

    def __init__(self):
        self.calls = []

    def log(self, kind, step, values):
        self.calls.append((kind, step))
        raise OSError(5, "Input/output error")

    def close(self):
        self.calls.append("close")
        raise OSError(5, "Input/output error")


def test_one_that_fails_is_closed_and_left_out_and_the_others_go_on(tmp_path, capsys):
    log, broken = MetricsLog(tmp_path, writes=True, tensorboard=True), Broken()
    log.open(last_step=0)
    log.trackers = {tmp_path / "broken": broken, **log.trackers}
    for step in (1, 2):
        log.step(Progress(step=step), loss=1.0, learning_rate=0.1)
    log.close()
    assert broken.calls == [("step", 1), "close"]
    assert [record["step"] for record in run_jobs.records(tmp_path, "step")] == [1, 2]
    assert [line.split(": ")[1:] for line in capsys.readouterr().err.splitlines()] == [
        [f"{tmp_path / 'broken'}", "Input/output error; the training goes on without it"]
    ]


def test_later_steps_and_broken_lines_of_an_earlier_part_are_left_out(tmp_path, capsys):
    """Also a line that would not end: what a power cut can leave."""
    lines = [json.dumps({"kind": "step", "step": step, "loss": 0.1 * step}) + "\n" for step in range(1, 6)]
    broken = ["x" * 100_000 + "\n", '{"kind": "step"}\n', '{"kind": "st']
    (tmp_path / "metrics.jsonl").write_text(
        lines[0] + broken[0] + lines[1] + broken[1] + "".join(lines[2:]) + broken[2]
    )
    log = MetricsLog(tmp_path, writes=True)
    log.open(last_step=3)
    log.step(Progress(step=4), loss=1.0, learning_rate=0.1)
    log.close()
    assert (tmp_path / "metrics.jsonl").read_text().startswith("".join(lines[:3]))
    assert [record["step"] for record in run_jobs.records(tmp_path, "step")] == [1, 2, 3, 4]
    warnings = capsys.readouterr().err.splitlines()
    assert len(warnings) == len(broken)
    assert all("a broken line is left out" in warning and len(warning) < 300 for warning in warnings)


def test_an_epoch_is_recorded_and_told(tmp_path, capsys):
    log = MetricsLog(tmp_path, writes=True)
    log.open(last_step=0)
    train, validation = Totals(50.0, 80, 100), Totals(10.0, 18, 20)
    log.epoch(Progress(epoch=2, step=9), train, validation, 1234.5, 6.7, 0.1, 4)
    log.close()
    assert capsys.readouterr().out == "Epoch [2] Loss:0.500 Acc:0.800 Val:0.900 1,234 images/s 6.7 s\n"
    assert run_jobs.records(tmp_path, "epoch") == [
        {
            **{"kind": "epoch", "epoch": 2, "step": 9, "train_loss": 0.5, "train_accuracy": 0.8},
            **{"validation_loss": 0.5, "validation_accuracy": 0.9, "images_per_second": 1234.5, "seconds": 6.7},
            **{"learning_rate": 0.1, "processes": 4},
        }
    ]


def test_one_that_does_not_write_says_nothing(tmp_path, capsys):
    log = MetricsLog(tmp_path / "run", writes=False, tensorboard=True)
    log.open(last_step=0)
    log.say("line")
    log.step(Progress(step=1), loss=1.0, learning_rate=0.1)
    log.epoch(Progress(step=1), Totals(), Totals(), 1.0, 1.0, 0.1, 1)
    log.close()
    assert capsys.readouterr() == ("", "")
    assert list(tmp_path.iterdir()) == []
