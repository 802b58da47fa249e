"""A Slurm cluster for the tests: munge and a node daemon on each of some hosts of their own, the controller on one."""

import contextlib
import secrets
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support import hosts
from tests.support.run_jobs import Job, until

# Two processors on each node, whatever the machine has; a requeued job starts again after cred_expire seconds.
SLURM_CONF = """
ClusterName=tests
SlurmctldHost={names[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=/run/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir=/run/slurmd
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
TmpFS=/run
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName={nodes} CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""


def why_not() -> str | None:
    """What this machine lacks for a cluster, in words; None if nothing."""
    missing = [tool for tool in ("munged", "slurmctld", "slurmd", "sbatch") if shutil.which(tool) is None]
    return f"{', '.join(missing)} not installed (Debian: slurm-wlm, munge)" if missing else hosts.why_not()


class Cluster:
    """A running cluster, used from its first host."""

    def __init__(self, host: hosts.Host, config: Path):
        self.host, self.variables = host, {"SLURM_CONF": str(config)}

    def start(self, *command: object, **variables: str) -> Job:
        """A Job with a command of Slurm."""
        return Job(self.host.command(*command), **{**self.variables, **variables})

    def call(self, *command: object) -> str:
        """What a command of Slurm prints, which must succeed."""
        with self.start(*command) as job:
            outcome = job.wait()
        assert outcome.code == 0, outcome
        return outcome.out.strip()

    def job(self, number: str) -> dict[str, str]:
        """What Slurm knows of a job, by name: JobState, ExitCode, Restarts, …"""
        words = self.call("scontrol", "--oneliner", "show", "job", number).split()
        return dict(word.split("=", 1) for word in words if "=" in word)

    def ended(self, number: str) -> str:
        """The job's last state, once it is neither running nor to run again."""
        on_the_way = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "REQUEUED", "SIGNALING")
        return until(lambda: (state := self.job(number)["JobState"]) not in on_the_way and state)


@contextlib.contextmanager
def running(folder: Path, names: Sequence[str] = ("alpha", "beta")) -> Iterator[Cluster]:
    """The Cluster, until the block ends; its files are in the folder."""
    folder = Path(folder)
    (folder / "state").mkdir(parents=True)
    config, key = folder / "slurm.conf", folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    config.write_text(SLURM_CONF.format(folder=folder, names=names, nodes=",".join(names)))
    files = [f"--key-file={key}", "--socket=/run/munge.socket", "--pid-file=/run/munge.pid"]
    files += ["--log-file=/run/munge.log", "--seed-file=/run/munge.seed"]
    with hosts.running(folder / "hosts", names) as machines, contextlib.ExitStack() as stack:
        cluster = Cluster(machines[0], config)
        for host in machines:
            subprocess.run(host.command("munged", "--force", *files), check=True)
        for host, daemon in [(machines[0], "slurmctld"), *((host, "slurmd") for host in machines)]:
            stack.enter_context(Job(host.command(daemon, "-D", "-f", config), **cluster.variables))
        until(lambda: _idle_nodes(cluster) == len(names))
        yield cluster


def _idle_nodes(cluster):
    with cluster.start("sinfo", "--noheader", "--Node", "--states=idle", "--responding") as job:
        return len(job.wait().out.splitlines())
