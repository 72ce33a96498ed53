"""The parts of building a map that read the workspace: which images, which encoder, and the features of every image.

Imports torch only when it runs. It knows encoders and the store; not what becomes of the features. Nothing here grows
with the images but what a `Catalogue` holds of each, and features lie in a mapped file.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput
from augment.features.atlas import Atlas
from augment.features.encoder_config import TrainEncoderConfig
from augment.features.neighbours import Floats
from augment.operations.context import Context, Previews, Progress
from augment.operations.train_encoder import train_encoder
from augment.operations.views import load_cut
from augment.store import ModelRecord, Store
from augment.views import View

if TYPE_CHECKING:
    from augment.features.encoders import Encoder

__all__ = ["Catalogue", "ChosenEncoder", "choose_encoder", "encode_images", "shares", "staged"]

_BATCH = 256
_PAGE = 5_000  # records read at once


@dataclass(frozen=True)
class ChosenEncoder:
    """An encoder ready to use, the id and file hash of its ModelRecord, and what a user should be told."""

    encoder: "Encoder"
    record_id: int
    sha256: str
    notes: tuple[str, ...] = ()


class _Stage(Progress):
    """A part of a longer progress: `width` of 1000 from `start`."""

    def __init__(self, outer: Progress, start: int, width: int) -> None:
        self._outer, self._start, self._width = outer, start, width

    def __call__(
        self, step: int, total: int, metrics: Mapping[str, float] | None = None, previews: Previews | None = None
    ) -> None:
        done = self._start + round(self._width * min(1.0, step / max(1, total)))
        self._outer(done, 1000, metrics, previews)

    def check(self) -> None:
        self._outer.check()


def staged(context: Context, start: int, width: int) -> Context:
    """The same context whose progress fills `width` thousandths of the whole, from `start` on."""
    return replace(context, progress=_Stage(context.progress, start, width))


def shares(progress: Progress, start: int, width: int) -> Callable[[float], None]:
    """A function that reports a share of 0 to 1 as thousandths of the whole, from `start` on."""
    stage = _Stage(progress, start, width)
    return lambda share: stage(round(share * 1000), 1000)


def choose_encoder(wanted: str, view: View, seed: int, context: Context) -> ChosenEncoder:
    """The encoder that `EmbedConfig.encoder` names.

    "builtin" is the newest built-in one trained with this view; without one, it is trained now. A timm model's
    weights are copied into the workspace at the first use, so that the map can be used later without the network or
    folder it came from.

    Raises:
        NotFound: a model id, file or download is not there. InvalidInput: it does not fit this view.
    """
    from augment.features.encoders import load_encoder

    kind, _, rest = wanted.partition(":")
    models = context.store.models
    root = context.store.workspace.root
    if kind == "timm":
        return _timm(rest, context)
    if kind == "model":
        record = models.get(int(rest))
        if record.kind != "encoder":
            raise InvalidInput(f"model {rest} is a {record.kind}, not an encoder: name an encoder or choose builtin")
        if record.config.get("type") == "builtin" and record.config.get("view") != view.to_json():
            raise InvalidInput(f"encoder {rest} was trained with another view: train it again or choose builtin")
        return ChosenEncoder(load_encoder(record.config, root / record.path), int(rest), record.sha256)
    for record in models.list(kind="encoder"):
        if record.config.get("type") == "builtin" and record.config.get("view") == view.to_json() and record.id:
            return ChosenEncoder(load_encoder(record.config, root / record.path), record.id, record.sha256)
    trained = train_encoder(TrainEncoderConfig(seed=seed), context)
    record = models.get(trained.model_id)
    encoder = load_encoder(record.config, root / record.path)
    return ChosenEncoder(encoder, trained.model_id, record.sha256, trained.notes)


@dataclass(frozen=True, eq=False)
class Catalogue:
    """What a map needs to know of n images, in ascending order of id; a tenth of what their records would hold.

    ids: (n,) int64. labels, groups: n names. training, validation: (n,) bool. digest: of the images' bytes and order.
    """

    ids: NDArray[np.int64]
    labels: list[str]
    groups: list[str]
    training: NDArray[np.bool_]
    validation: NDArray[np.bool_]
    digest: str

    def __len__(self) -> int:
        """Number of images."""
        return len(self.ids)

    @classmethod
    def read(cls, store: Store, progress: Progress) -> "Catalogue":
        """Every image of the workspace, read by pages; may raise Cancelled."""
        ids: list[int] = []
        labels: list[str] = []
        groups: list[str] = []
        splits: list[str] = []
        digest = hashlib.sha256()
        while page := store.images.list(limit=_PAGE, offset=len(ids)):
            progress.check()
            ids += [image.id or 0 for image in page]
            # One text in memory for all images that share it.
            labels += [intern(image.label) for image in page]
            groups += [intern(image.group) for image in page]
            splits += [intern(image.split) for image in page]
            digest.update(",".join([image.sha256 for image in page] + [""]).encode())
        training, validation = (
            np.fromiter((split == wanted for split in splits), dtype=np.bool_, count=len(ids))
            for wanted in ("train", "validation")
        )
        return cls(np.array(ids, dtype=np.int64), labels, groups, training, validation, digest.hexdigest())


def encode_images(
    catalogue: Catalogue, chosen: ChosenEncoder, view: View, known: Atlas | None, context: Context
) -> tuple[Floats, Floats]:
    """Features and aims of all images, cut by the view.

    Args:
        known: an atlas of the same encoder and view; what it holds is not encoded again.

    Returns:
        (n, dim) and (n, aim_dim) float32, mapped from "encoded.npy" in the job's folder, into which a resumed job goes
        on writing.
    """
    encoded, done_file, done = _open_encoded(catalogue, chosen, context)
    features, aim = encoded[:, : chosen.encoder.dim], encoded[:, chosen.encoder.dim :]
    earlier = np.zeros(0, dtype=np.int64) if known is None else known.image_ids
    for start in range(done, len(catalogue), _BATCH):
        context.progress(start, len(catalogue))
        ids = catalogue.ids[start : start + _BATCH]
        there = np.isin(ids, earlier, assume_unique=True)
        if known is not None and there.any():
            rows = np.searchsorted(earlier, ids[there])
            features[start + np.flatnonzero(there)] = known.features[rows]
            aim[start + np.flatnonzero(there)] = known.aim[rows]
        cuts = []
        for image in context.store.images.get_many(ids[~there].tolist()):
            # A batch of large photographs takes a while to read.
            context.progress.check()
            cuts.append(load_cut(context.store, image, view))
        if cuts:
            rows = start + np.flatnonzero(~there)
            features[rows], aim[rows] = chosen.encoder.describe(cuts)
        encoded.flush()
        done_file(start + len(ids))
    context.progress(len(catalogue), len(catalogue))
    return features, aim


def _open_encoded(
    catalogue: Catalogue, chosen: ChosenEncoder, context: Context
) -> "tuple[np.memmap[Any, np.dtype[np.float32]], Callable[[int], None], int]":
    """The mapped array, a function that notes how many rows are done, and how many were done by an earlier try."""
    context.job_folder.mkdir(parents=True, exist_ok=True)
    file, note = context.job_folder / "encoded.npy", context.job_folder / "encoded.json"
    about = {"encoder": chosen.sha256, "images": catalogue.digest}
    shape = (len(catalogue), chosen.encoder.dim + chosen.encoder.aim_dim)
    done = 0
    if note.is_file() and file.is_file():
        told = json.loads(note.read_text(encoding="utf-8"))
        done = int(told.pop("done", 0)) if {name: told.get(name) for name in about} == about else 0
    array: np.memmap[Any, np.dtype[np.float32]] = np.lib.format.open_memmap(
        file, mode="r+" if done else "w+", dtype=np.float32, shape=None if done else shape
    )

    def write(rows: int) -> None:
        part = note.with_suffix(".part")
        part.write_text(json.dumps({**about, "done": rows}), encoding="utf-8")
        part.replace(note)

    return array, write, done


def _timm(source: str, context: Context) -> ChosenEncoder:
    """A timm model, from the copy in this workspace or, at the first use, from where it is."""
    from augment.features.encoders import load_encoder
    from augment.features.timm_encoder import TimmEncoder

    root = context.store.workspace.root
    places = (source.removeprefix("local-dir:"), source.partition("=")[2])
    # A local file may have changed since it was copied; a name on the Hub means what it meant.
    if not any(place and Path(place).expanduser().exists() for place in places):
        for record in context.store.models.list(kind="encoder"):
            if record.config.get("source") == source and (root / record.path).is_file() and record.id:
                return ChosenEncoder(load_encoder(record.config, root / record.path), record.id, record.sha256)
    context.progress.check()
    encoder = TimmEncoder(source)
    digest = hashlib.sha256(source.encode()).hexdigest()[:8]
    kept = (
        context.store.workspace.checkpoints_dir / f"encoder-timm-{digest}-{context.job_id or 0}" / "model.safetensors"
    )
    kept.parent.parent.mkdir(parents=True, exist_ok=True)
    sha256 = encoder.save(kept)
    same = context.store.models.by_sha256(sha256)
    if same is not None and same.id and same.config.get("source") == source and (root / same.path).is_file():
        # The folder holds what it held before: keep one record, and one copy.
        if root / same.path != kept:
            _remove(kept)
        return ChosenEncoder(encoder, same.id, sha256)
    record = ModelRecord(
        kind="encoder",
        name=encoder.name,
        path=kept.relative_to(root).as_posix(),
        sha256=sha256,
        config=encoder.config,
        job_id=context.job_id,
    )
    (record_id,) = context.commit([record])
    return ChosenEncoder(encoder, record_id, sha256)


def _remove(weights: Path) -> None:
    shutil.rmtree(weights.parent)
