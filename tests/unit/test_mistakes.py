"""Mistakes are found among all images of a split, the surest first."""

import numpy as np

from lenet.commands.mistakes import find_mistakes, probabilities
from lenet.data.dataset import Split

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 3, (300, 10))
SPLIT = Split(RNG.integers(0, 256, (300, 28, 28), np.uint8), RNG.integers(0, 10, 300).astype(np.uint8))


def test_probabilities_are_those_of_the_definition():
    expected = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(LOGITS), expected)
    assert probabilities(np.array([[1000.0, 0, *[-1000] * 8]]))[0].tolist() == [1, *[0] * 9]


def test_mistakes_of_all_images_the_surest_first():
    found = find_mistakes(LOGITS, SPLIT, limit=300)
    surest = LOGITS.argmax(axis=1)
    wrong = [row for row in range(300) if surest[row] != SPLIT.labels[row]]
    assert sorted(found.rows) == wrong
    chances = probabilities(LOGITS).max(axis=1)
    assert found.rows.tolist() == sorted(wrong, key=lambda row: -chances[row])
    assert (found.labels == SPLIT.labels[found.rows]).all()
    assert (found.predicted == surest[found.rows]).all()
    assert (found.confidence == chances[found.rows]).all()
    assert (found.images == SPLIT.images[found.rows]).all()


def test_only_the_surest_are_shown():
    whole, found = find_mistakes(LOGITS, SPLIT, limit=300), find_mistakes(LOGITS, SPLIT)
    assert found.rows.tolist() == whole.rows[:25].tolist()
    assert found.images.shape == (25, 28, 28)


def test_a_network_without_mistakes_has_none():
    found = find_mistakes(np.eye(10)[SPLIT.labels], SPLIT)
    assert len(found.rows) == 0
    assert found.images.shape == (0, 28, 28)
