"""A Slurm cluster of this one machine for the tests: munge, controller and node daemon on free ports of loopback."""

import contextlib
import os
import secrets
import shutil
import socket
import subprocess
from pathlib import Path

from tests.run_jobs import Job, until

# Two CPUs whatever the machine has; a requeued job starts again after cred_expire seconds.
SLURM_CONF = """
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def why_not():
    """What this machine lacks for a cluster, in words; None if nothing."""
    if os.geteuid() != 0:
        return "the daemons of a Slurm cluster need root"
    missing = [tool for tool in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(tool) is None]
    return f"{', '.join(missing)} not installed (Debian: slurm-wlm, munge)" if missing else None


class Cluster:
    """A running cluster: `variables` are what its commands need in their environment."""

    def __init__(self, config):
        self.variables = {"SLURM_CONF": str(config)}

    def call(self, *command, **options):
        """What a command of Slurm prints, which must succeed."""
        environment = {**os.environ, **self.variables}
        options = {"text": True, "capture_output": True, **options}
        result = subprocess.run([str(word) for word in command], env=environment, **options)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def job(self, number):
        """What Slurm knows of a job, by name: JobState, ExitCode, Restarts, …"""
        words = self.call("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)


@contextlib.contextmanager
def running(folder):
    """The Cluster, until the block ends; all its files are in the folder."""
    folder = Path(folder)
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    config, key = folder / "slurm.conf", folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    config.write_text(
        SLURM_CONF.format(
            folder=folder,
            host=socket.gethostname().partition(".")[0],
            controller_port=_free_port(),
            node_port=_free_port(),
        )
    )
    cluster = Cluster(config)
    with contextlib.ExitStack() as stack:

        def start(*command):
            stack.enter_context(Job(command, **cluster.variables))

        munge = [f"--{name}-file={folder}/munge.{name}" for name in ("key", "pid", "log", "seed")]
        start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
        until((folder / "munge.socket").exists)
        start("slurmctld", "-D", "-f", config)
        start("slurmd", "-D", "-f", config)
        until(lambda: _answers(cluster))
        yield cluster


def _answers(cluster):
    result = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"], env={**os.environ, **cluster.variables}, text=True, capture_output=True
    )
    return result.stdout.strip() == "idle"


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
