"""A workspace and an engine over it, with the tests' own operations."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from augment.jobs import LocalEngine, WarmWorker
from augment.store import Store, Workspace
from tests.jobs.operations import TEST_OPERATIONS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Workspace(tmp_path / "work").create()) as opened:
        yield opened


@pytest.fixture
def make_engine(store: Store) -> Iterator[Callable[..., LocalEngine]]:
    made: list[LocalEngine] = []

    def make(**options: object) -> LocalEngine:
        made.append(LocalEngine(store, operations=TEST_OPERATIONS, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for engine in made:
        engine.close(grace_seconds=5.0)


@pytest.fixture
def engine(make_engine: Callable[..., LocalEngine]) -> LocalEngine:
    return make_engine()


@pytest.fixture(scope="module")
def worker() -> Iterator[WarmWorker]:
    shared = WarmWorker(preload=("json",), operations=TEST_OPERATIONS)
    yield shared
    shared.close()
