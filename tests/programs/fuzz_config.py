"""Tries the reader of the config, as YAML and as options, in the folder FOLDER."""

import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from lenet.config import Config, read_config, write_config
from tests.programs.fuzzing import attempt, bound_memory, changed, print_counts, repeatable

sound, tried, again = (Path(sys.argv[1], name) for name in ("sound", "tried", "again"))
SIGNS = [*"-?:[]{}!|>%@`',#~=", "&a", "*a", "<<:", "!!", "!!python/name:os", "1:1:1", "0x1", "1e9", ".inf", "\n", "\t"]

with open(sound, "w") as file:
    write_config(Config(), file)
assert read_config(["--config", str(sound)]) == Config()
bound_memory()

names = st.sampled_from([field.name for field in fields(Config)])
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.dates()
plain |= st.binary(max_size=9)
nested = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(plain, inner, max_size=3))


def try_yaml(content: bytes) -> None:
    """A config that is taken comes back as it is written."""
    tried.write_bytes(content)
    found = attempt(read_config, ["--config", str(tried)])
    if found is not None:
        with open(again, "w") as file:
            write_config(found, file)
        assert read_config(["--config", str(again)]) == found


@repeatable
@given(changed(sound.read_bytes()))
def try_bytes(content: bytes) -> None:
    try_yaml(content)


@repeatable
@given(st.dictionaries(names | st.text(max_size=9), nested, max_size=5))
def try_values(values: dict[str, Any]) -> None:
    try_yaml(yaml.safe_dump(values).encode())


@repeatable
@given(st.lists(st.sampled_from(SIGNS) | names, max_size=30))
def try_signs(words: list[str]) -> None:
    try_yaml(" ".join(words).encode())


@repeatable
@given(st.lists(st.tuples(names, st.text(max_size=40) | nested.map(str)), min_size=1, max_size=4))
def try_options(options: list[tuple[str, str]]) -> None:
    attempt(read_config, [f"--{name.replace('_', '-')}={value}" for name, value in options])


@repeatable
@given(st.lists(st.text(max_size=20), max_size=5))
def try_words(words: list[str]) -> None:
    if not {"-h", "--help"} & set(words):
        attempt(read_config, words)


try_bytes()
try_values()
try_signs()
try_options()
try_words()
print_counts()
