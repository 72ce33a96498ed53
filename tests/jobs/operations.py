"""Operations that exist for the tests of the engines alone: quick, slow, wrong, greedy, dying ones."""

import os
import signal
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from augment.errors import Cancelled, InvalidConfig, NotReady
from augment.operations import Operation
from augment.operations.context import Context
from augment.store import ImageRecord

_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, kw_only=True)
class CountConfig:
    """Counts to `steps`, with a pause at each, from where its checkpoint says."""

    steps: int = field(default=5, metadata={"help": "how far to count"})
    pause_seconds: float = 0.0
    colour: Literal["grey", "rgb"] = "grey"
    ends: Literal["well", "error", "unexpected", "memory", "kill", "hang", "exit"] = "well"

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise InvalidConfig(f"steps {self.steps}: 1 or more is needed")


@dataclass(frozen=True, kw_only=True)
class CountResult:
    reached: int
    began_at: int
    pid: int
    secret_length: int
    used_cache: int


def count(config: CountConfig, context: Context) -> CountResult:
    checkpoint = context.job_folder / "checkpoint"
    began = step = int(checkpoint.read_text()) if checkpoint.exists() else 0
    context.cache["uses"] = context.cache.get("uses", 0) + 1
    try:
        while step < config.steps:
            time.sleep(config.pause_seconds)
            step += 1
            previews = {f"at_{step}": _PNG} if step == 1 else None
            context.progress(step, config.steps, {"loss": 1.0 / step}, previews)
    except Cancelled:
        if config.ends == "hang":
            time.sleep(60)
        checkpoint.write_text(str(step))
        raise
    _end(config.ends)
    return CountResult(
        reached=step,
        began_at=began,
        pid=os.getpid(),
        secret_length=len(context.secrets.get("hf_token", "")),
        used_cache=context.cache["uses"],
    )


def _end(how: str) -> None:
    if how == "error":
        raise NotReady("the map is not built yet: build it on the tab Data")
    if how == "unexpected":
        raise ValueError("wheels came off\nsecond line")
    if how == "memory":
        raise MemoryError
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hang":
        time.sleep(60)
    if how == "exit":
        os._exit(7)


@dataclass(frozen=True, kw_only=True)
class StoreConfig:
    """Stores `images` image records, `batch` at a time."""

    images: int = 3
    batch: int = 2
    label: str = "crack"
    pause_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StoreResult:
    ids: tuple[int, ...]
    seen: int


def store_images(config: StoreConfig, context: Context) -> StoreResult:
    ids: list[int] = []
    for start in range(0, config.images, config.batch):
        numbers = range(start, min(config.images, start + config.batch))
        records = [
            image(number, context.store.files.put(f"image {number}".encode()), config.label) for number in numbers
        ]
        ids += context.commit(records)
        time.sleep(config.pause_seconds)
        context.progress(len(ids), config.images)
    return StoreResult(ids=tuple(ids), seen=context.store.images.count())


def image(number: int, sha256: str, label: str = "crack") -> ImageRecord:
    return ImageRecord(
        sha256=sha256,
        name=f"{number}.png",
        label=label,
        group=f"part {number}",
        split="train",
        width_px=8,
        height_px=8,
        size_bytes=10,
        source="test",
    )


def _operation(name: str, config: str, run: str, *, long: bool = True) -> Operation:
    here = "tests.jobs.operations"
    return Operation(name=name, title=name.title(), config=f"{here}:{config}", run=f"{here}:{run}", long=long)


TEST_OPERATIONS: dict[str, Operation] = {
    "count": _operation("count", "CountConfig", "count"),
    "store": _operation("store", "StoreConfig", "store_images"),
}


def config(**fields: Any) -> CountConfig:
    return CountConfig(**fields)
