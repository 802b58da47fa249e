"""The last line of a run: time, accuracies, what to type next."""

import pytest

from lenet.config import Config
from lenet.run.messages import final_line


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(4.25, "4.2 s"), (59.99, "60.0 s"), (60, "1 min 0 s"), (3599.6, "1 h 0 min"), (7300, "2 h 1 min")],
)
def test_the_time(seconds, told):
    assert final_line(Config(), seconds, 40, {}).startswith(f"Done in {told}: ")


def test_the_last_and_the_earliest_of_the_best_accuracies():
    line = final_line(Config(), 1, 40, {0: 0.5, 1: 0.75, 2: 0.75, 3: 0.625})
    assert all(part in line for part in ("accuracy 0.625", "0.750 in Epoch [1]", "python -m lenet report runs/lenet"))


def test_a_run_without_a_whole_epoch_names_the_step_and_what_can_be_typed():
    line = final_line(Config(output_dir="my runs/a", data_dir="data"), 1, 30, {})
    assert "30 steps" in line
    assert line.endswith("python -m lenet evaluate 'my runs/a' --data-dir data")
