"""A checkpoint comes back whole or is known to be damaged; then the one before it is used."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet.errors import InputError
from lenet.run import checkpoint
from lenet.run.checkpoint import Checkpoint
from tests.support import checkpoints

FILES = ("model.params", "optimizer.params", "state.json")


@pytest.fixture
def folder(tmp_path):
    """An output folder with checkpoints of steps 3, 4 and 5."""
    return checkpoints.write(tmp_path / "run")


def same(one: Checkpoint, two: Checkpoint) -> bool:
    """Are the two checkpoints equal in every value?"""
    arrays = [(one.weights, two.weights), (one.slots, two.slots)]
    return (
        all(list(ours) == list(theirs) for ours, theirs in arrays)
        and all(np.array_equal(ours[name], theirs[name]) for ours, theirs in arrays for name in ours)
        and one.facts() == two.facts()
    )


def test_what_is_saved_is_loaded(folder):
    assert same(checkpoint.load(checkpoint.folder_of(folder, 5)), checkpoints.make(5))
    assert sorted(path.name for path in checkpoint.folder_of(folder, 5).iterdir()) == sorted(FILES)


def test_the_newest_is_found(folder):
    told = []
    assert checkpoint.newest(folder, told.append).progress.step == 5
    assert told == []


def test_none_in_a_new_folder(tmp_path):
    assert checkpoint.newest(tmp_path / "new", report=None) is None


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "longer", "another's"])
def test_a_damaged_file_is_found_and_the_checkpoint_before_is_used(folder, name, damage):
    path = checkpoint.folder_of(folder, 5) / name
    content = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        other = (checkpoint.folder_of(folder, 4) / name).read_bytes()
        path.write_bytes({"empty": b"", "cut": content[:-9], "longer": content + b"{}", "another's": other}[damage])
    told = []
    assert checkpoint.newest(folder, told.append).progress.step == 4
    assert len(told) == 1
    assert str(checkpoint.folder_of(folder, 5)) in told[0]
    assert "\n" not in told[0]


@pytest.mark.parametrize("name", FILES)
def test_any_changed_byte_is_found_or_changes_nothing(folder, name):
    """Nothing is chosen with care: a byte becomes any other."""
    path = checkpoint.folder_of(folder, 5) / name
    content = path.read_bytes()

    @given(place=st.integers(0, len(content) - 1), mask=st.integers(1, 255))
    def check(place, mask):
        changed = bytearray(content)
        changed[place] ^= mask
        path.write_bytes(changed)
        try:
            loaded = checkpoint.load(path.parent)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert same(loaded, checkpoints.make(5)), bytes(changed)

    check()


def test_a_state_whose_numbers_were_changed_is_refused(folder):
    path = checkpoint.folder_of(folder, 5) / "state.json"
    for part, name, value in [
        ("progress", "step", 6),
        ("progress", "epoch", 2),
        ("progress", "images_done", 128),
        ("progress", "images_done", 999),
        ("totals", "images", 65),
        ("totals", "correct", 3),
        ("totals", "loss", 1.5),
        ("options", "learning_rate", 0.05),
    ]:
        state = json.loads(path.read_text())
        state[part][name] = value
        changed = folder / "changed" / "step-00000005"
        shutil.copytree(path.parent, changed, dirs_exist_ok=True)
        (changed / "state.json").write_text(json.dumps(state))
        with pytest.raises(InputError):
            checkpoint.load(changed)


def test_when_all_are_damaged_nothing_is_begun_silently(folder):
    for each in checkpoint.folders(folder):
        (each / "model.params").unlink()
    with pytest.raises(InputError, match="--resume never"):
        checkpoint.newest(folder, report=lambda line: None)


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"null",
        b"{",
        b"\xff",
        pytest.param(b"[" * 100_000, id="deep"),
        b'{"format": 4}',
        b'{"format": 3}',
        b'{"format": 4, "progress": {"epoch": true, "images_done": 0, "step": 0}}',
        b'{"format": 4, "progress": {"epoch": 1e9, "images_done": 0, "step": 0}}',
    ],
)
def test_a_state_of_another_kind_is_refused(folder, content):
    place = checkpoint.folder_of(folder, 5)
    (place / "state.json").write_bytes(content)
    with pytest.raises(InputError, match=r"state\.json"):
        checkpoint.load(place)


def test_a_checkpoint_of_the_format_before_is_told_from_a_damaged_one(folder):
    """It does not name what the optimizer keeps; what it holds is not guessed."""
    path = checkpoint.folder_of(folder, 5) / "state.json"
    state = json.loads(path.read_text())
    path.write_text(json.dumps({**state, "format": 3}))
    with pytest.raises(InputError, match="not the state of a checkpoint of format 4, the one of this version"):
        checkpoint.load(path.parent)


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_ones_stay(tmp_path, keep):
    for step in (8, 9, 10, 11):
        checkpoint.save(tmp_path, checkpoints.make(step), keep)
    kept = [folder.name for folder in checkpoint.folders(tmp_path)]
    assert kept == [f"step-{step:08d}" for step in (8, 9, 10, 11)][-keep:]


@pytest.mark.parametrize("keep", [1, 2])
def test_a_damaged_one_does_not_push_out_a_whole_one(folder, keep):
    """After the run went back before damaged checkpoints, what it writes next is older than they are."""
    for step in (4, 5):
        (checkpoint.folder_of(folder, step) / "model.params").write_bytes(b"")
    sound = checkpoint.newest(folder, report=lambda line: None)
    assert sound.progress.step == 3
    written = replace(sound, progress=replace(sound.progress, images_done=190, step=3))
    checkpoint.save(folder, written, keep)
    assert checkpoint.newest(folder, report=lambda line: None).progress.step == 3


def test_a_second_save_of_a_step_takes_the_place_of_the_first(tmp_path):
    sound = checkpoints.make(5)
    checkpoint.save(tmp_path, sound, keep=1)
    other = replace(sound, weights={name: value + 1 for name, value in sound.weights.items()})
    checkpoint.save(tmp_path, other, keep=1)
    loaded = checkpoint.load(checkpoint.folder_of(tmp_path, 5))
    assert np.array_equal(loaded.weights["0.bias"], sound.weights["0.bias"] + 1)


def test_the_digests_are_of_the_files(folder):
    place = checkpoint.folder_of(folder, 5)
    digests = json.loads((place / "state.json").read_text())["sha256"]
    for name in FILES[:2]:
        assert digests[name] == hashlib.sha256((place / name).read_bytes()).hexdigest()
