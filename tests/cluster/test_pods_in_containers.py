"""The pods of the manifests are played with the real image: root and podman are needed."""

import os
import shutil

import pytest

from tests.support import pods
from tests.support.manifests import config_text, needs_kubectl, only, render, templates
from tests.support.run_jobs import losses, records, trained, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(bool(pods.what_is_missing()), reason=f"missing: {pods.what_is_missing()}"),
]
DATA = "/usr/share/datasets/fashion-mnist"


def start(cluster, name, template, objects, output, data, *more, **variables):
    """The pod of a manifest, with small data in the place of the real one."""
    more += ("--volume", f"{data}:{DATA}:ro")
    return cluster.start(name, template, output, config_text(objects), *more, **variables)


def play_indexed(image, data, output, disturb=None):
    """Play the Indexed Job to its end; `disturb(running, create)` may end pods and create them again.

    Each pod gets the command and the environment that the manifest gives it, and its index, as from Kubernetes.
    """
    objects = render("indexed")
    names = [f"lenet-{index}" for index in range(only(objects, "Job")["spec"]["completions"])]
    with pods.Cluster(image, names, only(objects, "Service")["metadata"]["name"]) as cluster:

        def create(index):
            template = templates(objects)["pod"]
            variables = {"JOB_COMPLETION_INDEX": str(index)}
            return start(cluster, names[index], template, objects, output, data, **variables)

        running = [create(index) for index in range(len(names))]
        if disturb is not None:
            disturb(running, create)
        assert {pod.wait() for pod in running} == {0}, "\n".join(pod.log for pod in cluster.started)


@pytest.fixture(scope="module")
def undisturbed(image, data, tmp_path_factory):
    """The output of the Indexed Job when nothing happens."""
    folder = tmp_path_factory.mktemp("undisturbed")
    os.chown(folder, 10001, 10001)
    play_indexed(image, data, folder)
    return folder / "lenet"


@needs_kubectl
def test_indexed_pods_train_together(undisturbed):
    assert [each["processes"] for each in records(undisturbed, "epoch")] == [4] * 10


@needs_kubectl
@pytest.mark.parametrize(("victim", "signal", "code"), [(2, "KILL", 137), (0, "KILL", 137), (1, "TERM", 143)])
def test_lost_indexed_pod_is_replaced(image, data, output, undisturbed, victim, signal, code):
    """Killed, or asked to stop as on a drained node: its successor and the others go on as if nothing had been."""

    def disturb(running, create):
        until(lambda: len(records(output / "lenet", "epoch")) >= 2)
        running[victim].kill(signal)
        assert running[victim].wait() == code, running[victim].log
        running[victim] = create(victim)

    play_indexed(image, data, output, disturb)
    assert [each["epoch"] for each in records(output / "lenet", "epoch")] == list(range(10))
    assert losses(output / "lenet") == losses(undisturbed)
    assert trained(output / "lenet") == trained(undisturbed)


@needs_kubectl
class TestMPIJob:
    """The launcher and the workers of the MPIJob; what the operator adds is made here."""

    @pytest.fixture
    def objects(self):
        return render("mpi")

    @pytest.fixture
    def additions(self, objects, tmp_path):
        """Words for podman and variables: the operator's key pair and host file."""
        spec = only(objects, "MPIJob")["spec"]
        keys, mpi = tmp_path / "keys", tmp_path / "mpi"
        keys.mkdir()
        mpi.mkdir()
        pods.run("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", keys / "id_rsa")
        shutil.copy(keys / "id_rsa.pub", keys / "authorized_keys")
        for key in keys.iterdir():
            os.chown(key, 0, 10001)
            key.chmod(0o640)
        hosts = [f"{name}.lenet.default.svc slots={spec['slotsPerWorker']}" for name in self.names(objects)]
        (mpi / "hostfile").write_text("\n".join(hosts) + "\n")
        mounts = ["--volume", f"{keys}:{spec['sshAuthMountPath']}:ro", "--volume", f"{mpi}:/etc/mpi:ro"]
        variables = {
            "OMPI_MCA_orte_keep_fqdn_hostnames": "true",
            "OMPI_MCA_orte_default_hostfile": "/etc/mpi/hostfile",
            "OMPI_MCA_plm_rsh_args": "-o ConnectionAttempts=10",
            "OMPI_MCA_orte_set_default_slots": "1",
        }
        return mounts, variables

    def names(self, objects):
        workers = only(objects, "MPIJob")["spec"]["mpiReplicaSpecs"]["Worker"]["replicas"]
        return ["lenet-launcher", *(f"lenet-worker-{index}" for index in range(workers))]

    @pytest.mark.parametrize("loss", ["KILL", "TERM"])
    def test_trains_and_survives_a_lost_worker(self, image, objects, additions, output, data, loss):
        """Killed, it is missed; asked to stop, as when it is deleted or its node drained, it stops all at one step."""
        mounts, variables = additions
        names = self.names(objects)
        with pods.Cluster(image, names, "lenet") as cluster:

            def create(name):
                template = templates(objects)["Launcher" if name == names[0] else "Worker"]
                return start(cluster, name, template, objects, output, data, *mounts, **variables)

            workers = [create(name) for name in names[1:]]
            launcher = create(names[0])
            until(lambda: records(output / "lenet", "epoch") or launcher.process.poll() is not None)
            workers[1].kill(loss)
            code = launcher.wait()
            assert code == 143 if loss == "TERM" else code not in (0, 2), launcher.log
            assert ("Stopped after step" in launcher.log) == (loss == "TERM")
            create(names[2])
            launcher = create(names[0])
            assert launcher.wait() == 0, launcher.log
        epochs = records(output / "lenet", "epoch")
        assert [each["epoch"] for each in epochs] == list(range(10))
        assert {each["processes"] for each in epochs} == {len(names)}
