"""The image is built and run for real: root and podman are needed."""

import json
import re

import pytest

from tests.support import pods
from tests.support.run_jobs import records, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(pods.what_is_missing()), reason=f"missing: {pods.what_is_missing()}"),
]
DATA = "/usr/share/datasets/fashion-mnist"


LOCKED = [*pods.LOCKED, "--network", "none"]
NOT_COMPILED = """
import os, sys, mxnet, horovod.mxnet
modules = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("horovod", "mxnet", "numpy")]
print(len(modules), [m for m in modules if getattr(m, "__cached__", None) and not os.path.exists(m.__cached__)])
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_run_trains(image, output, data, processes):
    """As launch/README.md has it, locked down: only the results' folder and /tmp can be written."""
    with pods.Cluster(image, [], "") as cluster:
        words = [*LOCKED, "--volume", f"{output}:/opt/lenet/runs", "--volume", f"{data}:{DATA}:ro"]
        launched = ["horovodrun", "-np", "2", "python", "train.py", "--epochs", "2"]
        pod = cluster.run(words, launched if processes == 2 else [])
        assert pod.wait() == 0, pod.log
    assert {each["processes"] for each in records(output / "lenet", "epoch")} == {processes}
    assert (output / "lenet" / "trained_LeNet5.params").stat().st_uid == 10001


@pytest.mark.parametrize("launcher", ["mpirun", "horovodrun"])
def test_stop_leaves_a_checkpoint(image, output, data, launcher):
    """`docker stop`: SIGTERM to the container's first process alone, and the end of all as soon as that ends."""
    with pods.Cluster(image, [], "") as cluster:
        words = [*LOCKED, "--volume", f"{output}:/opt/lenet/runs", "--volume", f"{data}:{DATA}:ro"]
        train = ["python", "train.py", "--epochs", "10000", "--checkpoint-every", "1000000", "--log-every", "1"]
        pod = cluster.run(words, [launcher, "-np", "2", *train])
        until(lambda: records(output / "lenet", "step") or pod.process.poll() is not None)
        pod.kill("TERM")
        assert pod.wait() == 143, pod.log
        assert "Stopped after step" in pod.log
    assert list((output / "lenet/checkpoints").glob("step-*"))


def test_real_data_inside(image, output):
    with pods.Cluster(image, [], "") as cluster:
        words = [*LOCKED, "--volume", f"{output}:/opt/lenet/runs"]
        pod = cluster.run(words, ["python", "train.py", "--max-steps", "2", "--log-every", "1"])
        assert pod.wait() == 0, pod.log
        assert "Fashion-MNIST: 60,000 training and 10,000 test images" in pod.log


def test_what_each_start_imports_is_compiled(image):
    """No container could keep it: they are read-only."""
    with pods.Cluster(image, [], "") as cluster:
        pod = cluster.run(LOCKED, ["python", "-c", NOT_COMPILED])
        assert pod.wait() == 0, pod.log
        assert re.search(r"^\d{3} \[\]$", pod.log, re.MULTILINE), pod.log


def test_evaluates(image, output, data):
    """What the image has trained, with both ways to start: the same words."""
    words = [*LOCKED, "--volume", f"{output}:/opt/lenet/runs", "--volume", f"{data}:{DATA}:ro"]
    evaluate = ["python", "-m", "lenet", "evaluate", "runs/lenet/trained_LeNet5.params"]
    said = []
    with pods.Cluster(image, [], "") as cluster:
        for args in (["python", "train.py", "--max-steps", "2"], evaluate, ["mpirun", "-np", "2", *evaluate]):
            pod = cluster.run(words, args)
            assert pod.wait() == 0, pod.log
            said.append(pod.log)
    assert "Validation Accuracy: " in said[1]
    assert said[1] == said[2]


def test_commands_say_where_they_can_write(image, output):
    """The container's root is read-only, but for the results."""
    words = [*LOCKED, "--volume", f"{output}:/opt/lenet/runs"]
    with pods.Cluster(image, [], "") as cluster:
        refused = cluster.run(words, ["python", "-m", "lenet", "show"])
        assert refused.wait() == 2, refused.log
        assert "such as runs/show.png" in refused.log
        shown = cluster.run(words, ["python", "-m", "lenet", "show", "--output", "runs/show.png"])
        assert shown.wait() == 0, shown.log
    assert (output / "show.png").exists()


def test_image_holds_what_runs_alone(image, tmp_path):
    """No compiler, no key in any layer, no certificate or setting of this machine, no more files than needed."""
    archive = tmp_path / "image.tar"
    pods.run("podman", "save", "--format", "docker-archive", "--output", archive, image)
    pods.run("tar", "-xf", archive, "-C", tmp_path)
    layers = json.loads((tmp_path / "manifest.json").read_text())[0]["Layers"]
    listing = "".join(pods.run("tar", "-tvf", tmp_path / layer) for layer in layers)
    paths = {line.split(maxsplit=5)[5].split(" -> ")[0] for line in listing.splitlines()}
    assert not {path for path in paths if re.search(r"ssh_host_|id_rsa|/(gcc|g\+\+|c\+\+|cc|make|cmake)$", path)}
    assert not {line for line in listing.splitlines() if line.endswith(("pip.conf", "ca.crt")) and " 0 " not in line}
    own = {path for path in paths if re.match(r"opt/lenet/(?!\.venv/|runs/|(lenet|distributed)/[\w./]*$)", path)}
    assert {path for path in own if not path.endswith("/")} == {"opt/lenet/train.py", "opt/lenet/launch/container.sh"}
    config = json.loads(pods.run("podman", "image", "inspect", image))[0]["Config"]
    assert config["User"] == "10001:10001"
