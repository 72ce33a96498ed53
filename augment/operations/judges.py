"""The judges of a workspace: trained once on its real training images, then kept beside them and used again.

They lie in the workspace's cache under a fingerprint of everything that made them (training images and labels, view,
settings), because they can be made again at any time. Imports torch only when it runs.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidInput, NotReady
from augment.features.neighbours import Floats
from augment.notices import Notice, notice
from augment.operations.context import Context
from augment.operations.embedding import choose_encoder, staged
from augment.operations.train_encoder import read_labelled
from augment.store import Store
from augment.views import View

if TYPE_CHECKING:
    from augment.features.encoder_training import LabelledImages
    from augment.features.encoders import Encoder
    from augment.judge.classifier import Classifier, JudgeConfig

__all__ = ["EncoderJudge", "Judges", "find_encoder_judge", "find_judges", "judge_home", "kept_judge"]

Report = Callable[[int, int, Any], None]


@dataclass(frozen=True, eq=False, kw_only=True)
class EncoderJudge:
    """The encoder that judges, and the real training images as it sees them: features (n, d) float32 in the order of
    `training`.

    encoder_name: to be printed beside every number. units: centre and scale of features where sets are
    compared, see `compared`.
    """

    encoder: "Encoder"
    encoder_name: Notice
    labels: tuple[str, ...]
    training: "LabelledImages"
    features: Floats
    units: tuple[Floats | float, float] = (0.0, 1.0)

    def compared(self, features: Floats) -> Floats:
        """Features (n, d) as sets of them are compared: as a known encoder gives them, for its published numbers; those
        of the encoder trained here centred on the training images and scaled to their mean variance of 1, because its
        own scale means nothing."""
        centre, scale = self.units
        return np.asarray((features - centre) / scale, dtype=np.float32)

    def encode(self, images: NDArray[np.uint8]) -> Floats:
        """Features (n, d) of images (n, side, side, C) uint8."""
        return self.encoder.encode(images)  # type: ignore[arg-type]  # an array of images is a sequence of them


@dataclass(frozen=True, eq=False, kw_only=True)
class Judges(EncoderJudge):
    """Both judges. classifier_name: in words."""

    classifier: "Classifier"
    classifier_name: str

    def names(self, images: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Index (n,) of the most probable label of images (n, side, side, C) uint8."""
        return np.asarray(self.classifier.probability(images).argmax(axis=1), dtype=np.int64)


def find_encoder_judge(
    wanted: str, config: "JudgeConfig", view: View, map_encoder_id: int, context: Context
) -> EncoderJudge:
    """The encoder of the training split as it is now; trained if it is not there.

    Args:
        wanted: "builtin", trained here from nothing, or "timm:NAME_OR_FOLDER".
        map_encoder_id: the encoder that generators are conditioned on; a judge must be another one.

    Raises:
        NotReady: no training images. InvalidInput: the judge is the map's own encoder. NotFound: a timm model cannot
            be had. Cancelled: told to stop; a training goes on from where it was.
    """
    from augment.features.encoders import load_encoder
    from augment.judge.classifier import train_judge_encoder

    labels = context.store.images.labels()
    training = read_labelled("train", labels, view, context)
    if not len(training.images):
        raise NotReady("the training split has no images: import images before judging samples")
    if wanted == "builtin":
        told, weights = kept_judge(
            judge_home(context.store, labels, view, config),
            "encoder",
            context,
            lambda report, path: train_judge_encoder(training, config, report, path),
        )
        encoder = load_encoder(told, weights)
        name = notice("judge_builtin", width=config.width, seed=config.seed + 1)
    else:
        chosen = choose_encoder(wanted, view, config.seed, context)
        if chosen.record_id == map_encoder_id:
            raise InvalidInput(
                f"encoder {wanted}: the map was made with it, so it is no independent judge; name another"
            )
        encoder, name = chosen.encoder, notice("judge_named", name=chosen.encoder.name)
    judge = EncoderJudge(
        encoder=encoder,
        encoder_name=name,
        labels=tuple(labels),
        training=training,
        features=encoder.encode(training.images),  # type: ignore[arg-type]  # an array of images is a sequence of them
    )
    return replace(judge, units=_units(judge.features)) if wanted == "builtin" else judge


def find_judges(wanted: str, config: "JudgeConfig", view: View, map_encoder_id: int, context: Context) -> Judges:
    """The encoder, and a classifier of the training split as it is now; trained if they are not there.

    Args and errors are those of `find_encoder_judge`; InvalidInput also for one label only.
    """
    from augment.judge.classifier import Classifier, train_classifier

    judge = find_encoder_judge(wanted, config, view, map_encoder_id, staged(context, 0, 500))
    told, weights = kept_judge(
        judge_home(context.store, judge.labels, view, config),
        "classifier",
        staged(context, 500, 500),
        lambda report, path: train_classifier(judge.training, len(judge.labels), config.classifier(), report, path),
    )
    return Judges(
        **vars(judge),
        classifier=Classifier.load(told, weights),
        classifier_name=f"an independent classifier of real training images (width {config.width}, seed {config.seed})",
    )


def kept_judge(
    home: Path, name: str, context: Context, train: Callable[[Report, Path], Any]
) -> tuple[dict[str, Any], Path]:
    """Config and weights of a judge, trained if they are not there; `train(report, checkpoint)` gives one to save."""
    weights, about = home / f"{name}.safetensors", home / f"{name}.json"
    if not (weights.is_file() and about.is_file()):
        # Named by the fingerprint: a checkpoint of other images must never be gone on from.
        checkpoint = context.job_folder / f"judge-{name}-{home.name}.pt"
        judge = train(lambda step, total, metrics: context.progress(step, total, metrics), checkpoint)
        # The note is written last: it says that the weights are whole.
        judge.save(weights)
        about.write_text(json.dumps(judge.config), encoding="utf-8")
        checkpoint.unlink()
    return json.loads(about.read_text(encoding="utf-8")), weights


def _units(features: Floats) -> tuple[Floats, float]:
    """Centre (d,) of features (n, d), and the root of their mean variance; 1 where they are all equal."""
    return features.mean(axis=0), float(np.sqrt(features.var(axis=0).mean())) or 1.0


def judge_home(store: Store, labels: Sequence[str], view: View, config: "JudgeConfig") -> Path:
    """The folder of the judges: named by all that decides their weights, the order of the images included."""
    images = [(image.sha256, image.label, image.group) for image in store.images.list(split="train")]
    recipes = [asdict(one) for one in (config.classifier(), config.fold_classifier(), config.encoder())]
    about = json.dumps([images, list(labels), view.to_json(), recipes], sort_keys=True)
    return store.workspace.cache_dir / "judges" / hashlib.sha256(about.encode()).hexdigest()[:24]
