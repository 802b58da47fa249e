"""No array is made on MXNet's default device by accident: the whole of train.py runs on another one."""

from tests.support import run_jobs

# Runs train.py on mx.cpu(1) and notes who asks for the default device, cpu(2) here, having named none.
ON_CPU_1 = """
import runpy, sys, traceback
import mxnet as mx
import lenet.device

class Watched:
    current, askers = mx.cpu(2), []
    @property
    def value(self):
        if self.current == mx.cpu(2):
            # `with context:` asks for what to go back to; Xavier fills arrays that have their device.
            names = [(frame.filename, frame.name) for frame in traceback.extract_stack()]
            fills = any(file.endswith("mxnet/initializer.py") for file, _ in names)
            innocent = fills or names[-2][1] == "__enter__"
            if not innocent:
                self.askers.append([f"{file}:{name}" for file, name in names if "mxnet" not in file][-2])
        return self.current
    @value.setter
    def value(self, context):
        self.current = context

watched = mx.context.Context._default_ctx = Watched()
lenet.device.choose_device = lambda *_: (mx.cpu(1), None)
from lenet.data.fashion_mnist.fashion_mnist import batches
from lenet.training import step
used, take, step = set(), batches.Batches.take, step.Learner.step
def note(self, *arguments):
    report = step(self, *arguments)
    arrays = [*self.weights, *self.gradients, *self.momenta.values(), report]
    used.update(str(array.context) for array in arrays)
    return report
step.Learner.step = note
planted = sys.argv[1] == "planted"
def take_elsewhere(self, rows):
    mx.nd.zeros(1)
    return take(self, rows)
if planted:
    batches.Batches.take = take_elsewhere
sys.argv = ["train.py", *sys.argv[2:]]
try:
    runpy.run_path("train.py", run_name="__main__")
finally:
    print("USED", sorted(used))
    print("ASKED", sorted(set(watched.askers)))
"""


def run(what, options, folder):
    outcome = run_jobs.run([], "-c", ON_CPU_1, what, *options, "--output-dir", folder)
    assert outcome.code == 0, outcome.text
    asked = [text for _, text in outcome.lines if text.startswith("ASKED")]
    assert "USED ['cpu(1)']" in outcome.out
    return asked[0]


def test_training_evaluating_saving_and_resuming_on_another_device(options, finished, tmp_path):
    """With a checkpoint in the middle that the second run goes on from."""
    assert run("", [*options(), "--max-steps", 5], tmp_path / "run") == "ASKED []"
    assert run("", options(), tmp_path / "run") == "ASKED []"
    assert run_jobs.trained(tmp_path / "run") == run_jobs.trained(finished())


def test_an_accident_is_seen(options, tmp_path):
    assert "take_elsewhere" in run("planted", [*options(), "--max-steps", 1], tmp_path / "run")
