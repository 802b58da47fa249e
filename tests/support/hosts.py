"""Hosts of their own for the tests: network namespaces on this machine, joined by a switch, an sshd in each.

Nothing of the machine's own network, files or process table is touched, and whatever happens, nothing stays: each
host is a process that takes its namespaces and all processes in them along when it ends.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.run_jobs import ROOT

PROGRAM = ROOT / "tests/programs/boot_host.sh"
SSHD_CONFIG = """
HostKey {folder}/key
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
StrictModes no
UsePAM no
PidFile none
"""

SSH_CONFIG = """
IdentityFile {folder}/key
IdentitiesOnly yes
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
StrictHostKeyChecking yes
LogLevel ERROR
"""


def why_not() -> str | None:
    """What this machine lacks for such hosts, in words; None if nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("/usr/sbin/sshd", "ssh", "ssh-keygen", "ip", "unshare", "nsenter"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    trial = subprocess.run(
        ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
        capture_output=True,
        text=True,
    )
    return f"namespaces are not allowed here: {trial.stderr.strip()}" if trial.returncode else None


@dataclass(frozen=True)
class Host:
    """A running host; `pid` is its process 1 as seen from outside."""

    name: str
    address: str
    pid: int
    switch: int

    def command(self, *command: object) -> list[str]:
        """The command line that runs `command` on this host, to be started from outside."""
        return [*_inside(self.pid, "--uts", "--mount", "--pid"), *map(str, command)]

    def cut_off(self) -> None:
        """Pull its cable at the switch: packets vanish, nobody is told."""
        _ip(self.switch, "link", "set", "dev", self.name, "down")

    def plug_in(self) -> None:
        """Put the cable back."""
        _ip(self.switch, "link", "set", "dev", self.name, "up")


@contextlib.contextmanager
def running(folder: Path, names: Sequence[str] = ("alpha", "beta")) -> Iterator[list[Host]]:
    """A Host for each of the names, up to 200, which can reach each other by name and with ssh until the block ends."""
    addresses = {name: f"10.77.0.{number}" for number, name in enumerate(names, 1)}
    _write_files(Path(folder), addresses)
    with contextlib.ExitStack() as stack:
        switch = stack.enter_context(_process(["unshare", "--net", "sh", "-c", "echo; read -r end"]))
        switch.stdout.readline()
        _ip(switch.pid, "link", "add", "name", "switch", "type", "bridge")
        _ip(switch.pid, "link", "set", "dev", "switch", "up")
        hosts = []
        for name, address in addresses.items():
            boot = stack.enter_context(_process([*UNSHARE, PROGRAM, name, str(folder)]))
            hosts.append(Host(name, address, int(boot.stdout.readline()), switch.pid))
            _wire(hosts[-1])
            boot.stdin.write("plugged\n")
            boot.stdin.close()
            for line in boot.stdout:
                if "listening" in line:
                    break
            else:
                raise RuntimeError(f"sshd of {name} did not start")
        yield hosts


UNSHARE = ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child"]


@contextlib.contextmanager
def _process(command):
    """The running process, killed when the block ends, and by the kernel should the tests themselves be killed."""
    command = ["setpriv", "--pdeathsig", "KILL", *command]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True, bufsize=1) as process:
        try:
            yield process
        finally:
            process.kill()


def _write_files(folder, addresses):
    folder.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    kind, key, *_ = (folder / "key.pub").read_text().split()
    lines = [f"{address} {name}\n" for name, address in {"localhost": "127.0.0.1", **addresses}.items()]
    (folder / "hosts").write_text("".join(lines))
    (folder / "known_hosts").write_text(f"* {kind} {key}\n")
    (folder / "sshd_config").write_text(SSHD_CONFIG.format(folder=folder))
    (folder / "ssh_config").write_text(SSH_CONFIG.format(folder=folder))


def _wire(host):
    _ip(host.switch, "link", "add", "name", host.name, "type", "veth", "peer", "name", "eth0", "netns", host.pid)
    _ip(host.switch, "link", "set", "dev", host.name, "master", "switch", "up")
    _ip(host.pid, "address", "add", f"{host.address}/24", "dev", "eth0")
    _ip(host.pid, "link", "set", "dev", "eth0", "up")


def _inside(pid, *namespaces):
    return ["nsenter", "--target", str(pid), "--net", *namespaces, "--"]


def _ip(pid, *arguments):
    subprocess.run([*_inside(pid), "ip", *map(str, arguments)], check=True)
