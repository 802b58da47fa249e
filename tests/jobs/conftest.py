"""Elastic jobs for the tests of several files."""

import pytest

from tests.support import datasets
from tests.support.elastic_jobs import IMAGES, ElasticJob


@pytest.fixture(scope="session")
def elastic_data(tmp_path_factory):
    """A data set of 600 training and 20 validation images."""
    return datasets.write(tmp_path_factory.mktemp("data"), train=IMAGES, validation=20)


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
