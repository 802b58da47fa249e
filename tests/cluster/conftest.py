"""The manifests, one variant after the other."""

from typing import Any

import pytest

from tests.support.manifests import VARIANTS, render


@pytest.fixture(params=VARIANTS)
def variant(request) -> str:
    """The folder of k8s/ that is rendered."""
    return request.param


@pytest.fixture
def objects(variant) -> list[dict[str, Any]]:
    """What the variant is rendered to."""
    return render(variant)
