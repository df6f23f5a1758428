from __future__ import annotations

import uuid
from typing import Iterator

import pytest
from cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    yield cluster
    cluster.close()


@pytest.fixture
def name() -> str:
    """A key, user or source that no other test has."""
    return f"T{uuid.uuid4().hex[:12].upper()}"
