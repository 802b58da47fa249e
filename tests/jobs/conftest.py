"""Options of runs of real jobs, and a run that would go on for hours for the tests that kill or stop it."""

import shutil
from contextlib import ExitStack

import pytest

from tests.support import datasets
from tests.support.elastic_jobs import IMAGES, ElasticJob
from tests.support.endless_runs import ENDLESS, PATIENT
from tests.support.run_jobs import launch, python, records, run, until


@pytest.fixture
def plain_options(small):
    """The options of a run in steps of 32 images, 8 an epoch, with train.py's defaults for the rest."""
    return ["--data-dir", small, "--global-batch", 32, "--shard", 8]


@pytest.fixture
def endless(small):
    """The options of a run with a checkpoint every second step."""
    return ["--data-dir", small, *ENDLESS]


@pytest.fixture
def start(endless, tmp_path):
    """A function that starts the endless run in `tmp_path / "run"` and returns its Job after some steps."""
    with ExitStack() as jobs:

        def begin(launcher, processes=3, *more):
            words = ["train.py", "--output-dir", tmp_path / "run", *endless, *more]
            job = jobs.enter_context(python(launch(launcher, processes), *words, **PATIENT))
            until(lambda: len(records(tmp_path / "run", "step")) >= 5 or job.process.poll() is not None)
            assert job.process.poll() is None, job.wait().text
            return job

        yield begin


@pytest.fixture(scope="session")
def reported(finished, stopped, once):
    """The folders of a finished run and of one in its second epoch, and that of the report of both."""

    def report(place):
        folders = [shutil.copytree(finished(), place / "whole"), shutil.copytree(stopped(), place / "a <b> & c")]
        outcome = run([], "-m", "lenet", "report", *folders)
        assert outcome.code == 0, outcome.text

    place = once("reported", report)
    return [place / "whole", place / "a <b> & c", place / "comparison"]


@pytest.fixture(scope="session")
def elastic_data(once):
    """A data set of 600 training and 20 validation images."""
    return once("elastic-data", lambda folder: datasets.write(folder, train=IMAGES, validation=20))


@pytest.fixture
def start_elastic(elastic_data, tmp_path):
    """A function that starts an ElasticJob; it ends with the test."""
    jobs = []

    def begin(hosts, *options, **settings):
        words = options or ("--epochs", 1)
        jobs.append(ElasticJob(tmp_path / f"run-{len(jobs)}", elastic_data, hosts, *words, **settings))
        return jobs[-1]

    yield begin
    for job in jobs:
        job.__exit__()
