"""Kill runs at random moments, resume each until it ends, and compare it with a run that was never killed.

    python tests/benchmarks/soak.py [--kills 50] [--seed 1]

Each start of a run has another number of processes, 1 to 4, and another launcher, both drawn at random. So is what is
killed (a rank, all processes at once, the launcher), and the moment: while the job starts, after some time of training,
or while a checkpoint is being written. After each kill nothing may be left running, the newest checkpoint must be whole
and no older than `checkpoint_every` steps; at the end weights and recorded losses must be those of one process that was
never killed, bit for bit.
"""

import argparse
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lenet.run import checkpoint  # noqa: E402
from tests.support import datasets, run_jobs  # noqa: E402

EVERY = 3  # steps between two checkpoints
LIMIT = 900  # seconds that a job may take for anything on a machine with much else to do
SIZES = ["--global-batch", 32, "--shard", 8]
OPTIONS = [*SIZES, "--epochs", 20, "--checkpoint-every", EVERY, "--keep", 2, "--log-every", 1]
LAUNCHERS = {"horovodrun --gloo": run_jobs.gloo, "mpirun": run_jobs.mpirun, "horovodrun": run_jobs.horovodrun}


class Soak:
    """The kills that were done, and what they cost."""

    def __init__(self, kills, seed, place):
        self.left, self.random, self.place = kills, random.Random(seed), Path(place)
        self.victims, self.moments, self.sizes = Counter(), Counter(), Counter()
        self.steps_lost, self.seconds_to_end = [], []
        self.data = datasets.write(self.place / "data", train=250, validation=61)

    def words(self, launcher, folder):
        """The command of a run; `launcher` as run_jobs gives it."""
        return [launcher, "train.py", "--output-dir", folder, "--data-dir", self.data, *OPTIONS]

    def draw_launcher(self):
        """The words before `python`, and the number of processes that they start."""
        processes = self.random.randint(1, 4)
        self.sizes[processes] += 1
        return ([] if processes == 1 else self.random.choice(list(LAUNCHERS.values()))(processes)), processes

    def live_through(self, folder, may_kill=True):
        """Start the run again and again, each time with other processes, until it ends by itself."""
        while True:
            launcher, processes = self.draw_launcher() if may_kill else ([], 1)
            with run_jobs.python(*self.words(launcher, folder)) as job:
                killed = may_kill and self.left > 0 and self.kill(job, processes, folder)
                began = time.monotonic()
                run_jobs.until(lambda job=job: not job.processes(), LIMIT)
                outcome = job.wait()
            if not killed:
                assert outcome.code == 0, outcome.text
                return
            self.seconds_to_end.append(time.monotonic() - began)
            self.check_what_is_left(folder)

    def kill(self, job, processes, folder):
        """Kill something of the job at some moment; False if the job ended before."""
        moment = self.random.choice(["starting", "training", "writing"])
        victim = "all" if processes == 1 else self.random.choice(["rank", "all", "launcher"])
        if moment == "starting":
            time.sleep(self.random.uniform(0.1, 3))
        else:
            before = newest(folder)
            wait_for(lambda: newest(folder) != before, job)
            time.sleep(self.random.uniform(0, 2))
        if moment == "writing":
            wait_for(lambda: is_writing(folder), job)
        if job.process.poll() is not None:
            return False
        ranks = [process for process in job.processes() if "train.py" in process.cmdline()[1:2]]
        if victim == "rank" and ranks:
            self.random.choice(ranks).kill()
        elif victim == "launcher":
            job.send(signal.SIGKILL)
        else:
            victim = "all"
            job.kill()
        self.victims[victim] += 1
        self.moments[moment] += 1
        self.left -= 1
        return True

    def check_what_is_left(self, folder):
        """What the kill left behind."""
        damaged = []
        found = checkpoint.newest(folder, damaged.append)
        assert not damaged, damaged
        steps = [record["step"] for record in run_jobs.records(folder, "step")]
        lost = max(steps, default=0) - (found.progress.step if found else 0)
        assert lost <= EVERY, f"{lost} steps are lost"
        self.steps_lost.append(lost)

    def tell(self, runs):
        kills = sum(self.victims.values())
        print(f"{kills} kills in {runs} runs: every run ended in the bits of one process that was never killed")
        print(f"starts by their number of processes: {dict(sorted(self.sizes.items()))}")
        print(f"killed: {dict(self.victims)}; while: {dict(self.moments)}")
        print(f"steps lost: at most {max(self.steps_lost)} of {EVERY}, {sum(self.steps_lost)} in all")
        print(f"seconds until nothing of the job was left: at most {max(self.seconds_to_end):.1f}")


def newest(folder):
    """The name of the newest checkpoint, and None before the first."""
    found = checkpoint.folders(folder)
    return found[-1].name if found else None


def wait_for(condition, job):
    """Wait until it is true or the job has ended; what the job has said if neither comes."""
    try:
        run_jobs.until(lambda: condition() or job.process.poll() is not None, LIMIT)
    except AssertionError:
        job.kill()
        raise AssertionError(f"the job hangs: {job.wait().text}") from None


def is_writing(folder):
    return any((folder / "checkpoints").glob(".*.partial"))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="soak-") as place:
        soak, runs = Soak(options.kills, options.seed, place), 0
        whole = soak.place / "whole"
        soak.live_through(whole, may_kill=False)
        while soak.left:
            folder = soak.place / f"run-{runs}"
            soak.live_through(folder)
            assert run_jobs.trained(folder) == run_jobs.trained(whole)
            assert run_jobs.records(folder, "step") == run_jobs.records(whole, "step")
            runs += 1
            print(f"run {runs}: the same bits; {soak.left} kills are left", flush=True)
        soak.tell(runs)


if __name__ == "__main__":
    main()
