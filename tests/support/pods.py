"""Pods on one machine: containers that podman starts as a manifest says, each with a network address of its own."""

import os
import shutil
import subprocess
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path

from tests.support.manifests import container, environment

TOOLS = ("buildah", "ip", "mmdebstrap", "podman", "runc")
LOCKED = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
ENDS = 300  # seconds after which a pod counts as hanging


def what_is_missing():
    """What this machine lacks to build an image and to run pods, in words; empty if nothing."""
    lacking = [tool for tool in TOOLS if shutil.which(tool) is None]
    return ", ".join(["root"] * (os.getuid() != 0) + lacking)


def run(*command, **options):
    """The output of a command that must end well."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


class Cluster:
    """A network of its own for pods with the given names, which a headless service `subdomain` makes known."""

    def __init__(self, image, names, subdomain):
        self.image, self.names, self.subdomain = image, names, subdomain
        self.mark = f"lenet-{uuid.uuid4().hex[:8]}"
        self.folder = Path(tempfile.mkdtemp(prefix="lenet-pods-"))
        self.started, self.spaces = [], []

    def __enter__(self):
        try:
            self._connect()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        with ExitStack() as last:  # from its end, and all of it whatever fails
            last.callback(shutil.rmtree, self.folder)
            for space in self.spaces:
                last.callback(run, "ip", "netns", "delete", space)
            for pod in self.started:
                last.callback(pod.remove)

    def start(self, name, template, output, config, *more, **variables):
        """A new pod: its container with the command, environment, user and mounts of the template.

        `output` is the folder of the claim, `config` the text of the ConfigMap; `more` are words for podman and
        `variables` those that a controller adds.
        """
        spec, process = template["spec"], container(template)
        context = spec["securityContext"]
        words = ["--user", f"{context['runAsUser']}:{context['runAsGroup']}", "--no-hosts", "--hostname", name]
        words += ["--network", f"ns:/run/netns/{self._space(name)}"]
        words += ["--volume", f"{self._hosts(name)}:/etc/hosts:ro"]
        words += ["--read-only-tmpfs=false", *LOCKED]
        for variable, value in {**environment(template), **variables}.items():
            words += ["--env", f"{variable}={value}"]
        sources = {"output": output, "config": self._file("config", "config.yaml", config)}
        for mount in process["volumeMounts"]:
            if mount["name"] == "tmp":
                words += ["--tmpfs", f"{mount['mountPath']}:mode=1777"]
            else:
                words += ["--volume", f"{sources[mount['name']]}:{mount['mountPath']}"]
        if "command" in process:
            words += ["--entrypoint", str(process["command"]).replace("'", '"')]
        return self.run([*words, *more], process["args"])

    def run(self, words, args):
        """A new container of the image, with words for podman and its own arguments."""
        pod = Container(f"{self.mark}-{len(self.started)}", self.image, words, args, self.folder)
        self.started.append(pod)
        return pod

    def _connect(self):
        """A bridge in a namespace of its own, and for each pod a namespace with eth0 on it."""
        switch = self._space("switch")
        self._add(switch)
        run("ip", "-n", switch, "link", "add", "bridge", "type", "bridge")
        run("ip", "-n", switch, "link", "set", "bridge", "up")
        for number, name in enumerate(self.names):
            space, port = self._space(name), f"port{number}"
            self._add(space)
            run("ip", "-n", space, "link", "add", "eth0", "type", "veth", "peer", "name", port, "netns", switch)
            run("ip", "-n", switch, "link", "set", port, "master", "bridge", "up")
            run("ip", "-n", space, "address", "add", f"{self._address(name)}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                run("ip", "-n", space, "link", "set", link, "up")

    def _add(self, space):
        run("ip", "netns", "add", space)
        self.spaces.append(space)

    def _space(self, name):
        return f"{self.mark}-{name}"

    def _address(self, name):
        return f"10.77.0.{self.names.index(name) + 1}"

    def _hosts(self, own):
        """What the kubelet writes, and the names that DNS would know."""
        lines = ["127.0.0.1 localhost"]
        lines.append(f"{self._address(own)} {own}.{self.subdomain}.default.svc.cluster.local {own}")
        for name in self.names:
            lines.append(f"{self._address(name)} {name}.{self.subdomain} {name}.{self.subdomain}.default.svc")
        return self._file("hosts-" + own, "hosts", "\n".join(lines) + "\n") / "hosts"

    def _file(self, folder, name, text):
        """The folder that holds a file of this text, as a ConfigMap is mounted."""
        place = self.folder / folder
        place.mkdir(exist_ok=True)
        (place / name).write_text(text)
        return place


class Container:
    """A container that runs, or ran: its output and its exit code."""

    def __init__(self, name, image, words, args, folder):
        self.name, self.path = name, folder / f"{name}.log"
        command = ["podman", "run", "--name", name, "--runtime", "runc", "--pull", "never"]
        command += ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", *words, image, *args]
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def log(self):
        return self.path.read_text(errors="replace")

    def wait(self):
        """Its exit code. AssertionError with its log if it does not end."""
        try:
            return self.process.wait(ENDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {ENDS} s: {self.log}") from None

    def kill(self, signal):
        run("podman", "kill", "--signal", signal, self.name)

    def remove(self):
        run("podman", "rm", "--force", "--time", "0", "--ignore", self.name)
        self.process.wait(ENDS)
