"""The pages name no file, module or option that does not exist; README.md stays short."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from lenet.__main__ import COMMANDS, module_of
from lenet.config import Config
from lenet.options import option_parser
from tests.support.run_jobs import ROOT

# In the root and in the rooms, not in .venv or in what tools leave.
PAGES = sorted(
    [*ROOT.glob("*.md"), *(path for room in ("launch", "k8s", "tests") for path in ROOT.glob(f"{room}/**/*.md"))]
)
ROOMS = {"distributed", "k8s", "launch", "lenet", "requirements", "tests", ".ci"}  # a path begins with one of them
SUFFIXES = {".md", ".py", ".sbatch", ".sh", ".toml", ".yaml"}  # a name that ends so is a file's, also without a folder
OF_OTHER_PROGRAMS = {
    "docker": "cap-drop gpus read-only rm shm-size target tmpfs",
    "horovodrun": "gloo min-np",
    "kubectl": "current for namespace",
    "launch scripts": "check dev gpu help hostfile no-reports",
    "mpirun": "allow-run-as-root bind-to oversubscribe",
    "pip and uv": "extra fork-strategy generate-hashes group python-version universal upgrade",
    "ruff": "fix",
    "Slurm": "cpus-per-task gpus-per-node gpus-per-task mpi nodes ntasks",
    "TensorBoard": "logdir",
    "tests and benchmarks": "epochs kills pdb processes rounds",
}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
page = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
present = pytest.mark.parametrize(  # the pages that tell of what is, not of what was
    "page", [each for each in PAGES if each.name != "CHANGELOG.md"], ids=lambda path: str(path.relative_to(ROOT))
)


def code(text: str) -> str:
    """What a page's text has in backticks, in fences and indented by four spaces."""
    fences = FENCE.findall(text)
    rest = FENCE.sub("", text)
    return "\n".join([*fences, *re.findall(r"^    .*", rest, re.MULTILINE), *re.findall(r"`([^`]+)`", rest)])


def words(text: str) -> Iterator[str]:
    """The words of the code in a page's text, without quotes and punctuation around them."""
    for word in code(text).split():
        yield word.strip("`'\"();,:|").removeprefix("./")


def looks_like_a_file(word: str) -> bool:
    """Is the word meant as a path in this repository? Patterns and placeholders are not."""
    if not re.fullmatch(r"[\w./-]+", word) or word.startswith("/"):
        return False
    first, *more = word.split("/")
    return first in ROOMS if more else Path(word).suffix in SUFFIXES


def exists(word: str, folder: Path) -> bool:
    """Is there such a file, from the root or from the page's folder? A bare name may be that of any file."""
    if "/" not in word:
        return any(ROOT.glob(word)) or any(path for room in ROOMS for path in ROOT.glob(f"{room}/**/{word}"))
    return (ROOT / word).exists() or (folder / word).exists()


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The long options of a parser."""
    return {option for option in parser._option_string_actions if option.startswith("--")}


def known_options() -> set[str]:
    """The long options of train.py, of the commands of lenet, and of other programs."""
    known = options_of(option_parser(fields(Config)))
    for name in COMMANDS:
        parser = argparse.ArgumentParser()
        module_of(name).add_options(parser)
        known |= options_of(parser)
    return known | {f"--{name}" for names in OF_OTHER_PROGRAMS.values() for name in names.split()}


def headings(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@page
def test_links_lead_somewhere(page):
    text = page.read_text()
    for target in re.findall(r"\]\(([^)]+)\)", FENCE.sub("", text)):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        assert not anchor or anchor in headings(linked.read_text()), target


@present
def test_named_files_exist(page):
    text = page.read_text()
    missing = {word for word in words(text) if looks_like_a_file(word) and not exists(word, page.parent)}
    missing -= {"hosts.txt", "net.py", "results.yaml", "FILE.yaml"}  # what a reader writes
    assert not missing


@page
def test_named_modules_exist(page):
    for module in re.findall(r"python -m ((?:lenet|distributed|tests)[\w.]*)", page.read_text()):
        path = ROOT.joinpath(*module.split("."))
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


@present
def test_named_options_exist(page):
    known = known_options()
    unknown = {
        option for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code(page.read_text())) if option not in known
    }
    assert not unknown


def test_the_tree_of_the_readme_exists():
    text = (ROOT / "README.md").read_text()
    tree = next(block for block in FENCE.findall(text) if "\ntrain.py " in block)
    room = ROOT
    for line in tree.splitlines()[1:-1]:
        names, _ = re.split(r" {2,}", line.strip(), maxsplit=1)
        if not line.startswith(" "):
            room = ROOT / names if names.endswith("/") else ROOT
        for name in names.split():
            assert (ROOT / name if not line.startswith(" ") else room / name).exists(), line


def test_readme_is_short():
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 150
    assert [line for line in lines if len(line) > 110] == []
