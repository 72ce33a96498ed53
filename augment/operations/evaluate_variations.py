"""Evaluate variations: what partial noising and CutMix do to photographs that no generator has seen, and a generator
beside the workspace's DCGAN, by pictures and numbers (Hirokawa 2024, report 1, there by eye).

Nothing is written to the database; the report with its figures goes into a folder. Imports torch only when it runs.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig, SamplerName
from augment.errors import InvalidConfig, InvalidInput, NotReady
from augment.images import encode_png, to_float, to_uint8
from augment.judge.figure import captioned_rows
from augment.judge.manifold import manifold
from augment.judge.metrics import kernel_distance
from augment.judge.similarity import structural_similarity
from augment.judge.variation_report import CutmixFigures, Likeness, SetFigures, VariationReport, markdown
from augment.operations.aside import report_folder, written_aside
from augment.operations.configs import to_json
from augment.operations.context import Context
from augment.operations.embedding import staged
from augment.operations.generate_dcgan import dcgan_images
from augment.operations.generators import Generator, draw_series, find_generator, find_model
from augment.operations.judges import EncoderJudge, find_encoder_judge
from augment.operations.vary import MOST_SIGMA
from augment.operations.views import current_view, load_cut
from augment.pieces import seam_strength
from augment.store import ImageRecord, ModelRecord, Split
from augment.views import View

__all__ = ["EvaluateVariationsConfig", "EvaluateVariationsResult", "evaluate_variations"]

STEPS_OF_NOISE = (300, 1000)
"""Of t, where the published figures begin."""

Images = NDArray[np.uint8]

_UNSEEN: tuple[Split, ...] = ("validation", "test")
_SHOWN, _IN_SETS = 10, 30


@dataclass(frozen=True, kw_only=True)
class EvaluateVariationsConfig:
    """What is shown, and how many samples are compared."""

    images: int = field(default=20, metadata={"help": "photographs that are varied and mixed, 2 to 1000; 10 are shown"})
    results: int = field(default=6, metadata={"help": "variations of each, 2 to 100"})
    table_samples: int = field(
        default=500, metadata={"help": "samples of each generator for KID, precision and coverage; 0 leaves them out"}
    )
    steps: int = field(default=12, metadata={"help": "noise levels visited; 1000 for ddpm, as published"})
    sampler: SamplerName = field(
        default="dpmpp_2m", metadata={"help": "dpmpp_2m, heun, ancestral, ddpm or ddpm_beta (as published)"}
    )
    model_id: int | None = field(default=None, metadata={"help": "generator to use; the newest if not given"})
    dcgan_model_id: int | None = field(
        default=None, metadata={"help": "DCGAN beside it; the newest if not given, none where none is trained"}
    )
    encoder: str = field(
        default="builtin", metadata={"help": "judge of the sets: builtin (trained here) or timm:NAME_OR_FOLDER"}
    )
    judge_images: int = field(
        default=16_000, metadata={"help": "training images shown to the built-in judge, once for a workspace"}
    )
    seed: int = field(default=0, metadata={"help": "chooses the photographs and the noise of every sample"})
    folder: str = field(
        default="", metadata={"help": "a new folder for the report; exports/evaluate-variations-N if not given"}
    )

    def __post_init__(self) -> None:
        """InvalidConfig names the field and its range."""
        ranges = {
            "images": (2, 1000),
            "results": (2, 100),
            "table_samples": (0, 100_000),
            "seed": (0, 2**32 - 1),
            "judge_images": (1, 10**8),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise InvalidConfig(f"{name} {getattr(self, name)}: {low} to {high} is possible")
        if self.encoder != "builtin" and not (self.encoder.startswith("timm:") and self.encoder[5:]):
            raise InvalidConfig(f"encoder {self.encoder!r}: builtin or timm:NAME_OR_FOLDER is possible")
        SamplerConfig(sampler=self.sampler, steps=self.steps)


@dataclass(frozen=True, kw_only=True)
class EvaluateVariationsResult:
    """The report as numbers and as Markdown, and the folder with both and the figures."""

    folder: str
    report: VariationReport
    markdown: str
    seconds: float


def evaluate_variations(config: EvaluateVariationsConfig, context: Context) -> EvaluateVariationsResult:
    """Varies, mixes, draws and judges; writes variations.json, variations.md and four figures, all or nothing.

    NotReady without a generator, or with fewer than two photographs outside the training split; InvalidInput for a
    generator of another view, or a folder in use. Cancelled leaves nothing but the judges.
    """
    began = time.monotonic()
    store, view = context.store, current_view(context.store)
    target = report_folder(store.workspace, "evaluate-variations", config.folder)
    generator = find_generator(context, config.model_id)
    if generator.record.config.get("view") != view.to_json():
        raise InvalidInput(f"generator {generator.record.id} was trained with another view: train it again")
    photographs = _unseen(config, view, context)
    drawn = len(photographs) * (2 * config.results + 1) + config.table_samples
    drawing = _Drawing(generator, config, drawn, staged(context, 0, 700))
    varied = {t: [drawing.from_photograph(one, t, config.results) for one in photographs] for t in STEPS_OF_NOISE}
    pairs = _Pairs(photographs, drawing)
    sets, notes, encoder = _sets(config, drawing, view, context) if config.table_samples else ({}, [], "")
    report = VariationReport(
        photographs=len(photographs),
        sampler=f"{config.sampler}, {config.steps} steps",
        encoder=encoder,
        likeness=_likeness(photographs, varied),
        cutmix=pairs.figures,
        sets=[figures for _, figures in sets.values()],
        notes=notes,
    )
    figures = _sheets(photographs, varied, drawing) | {"cutmix.png": pairs.sheet(drawing)}
    if sets:
        figures["sets.png"] = captioned_rows([(name, images[:_IN_SETS]) for name, (images, _) in sets.items()])
    with written_aside(target) as aside:
        (aside / "variations.json").write_text(json.dumps(to_json(report), indent=1), encoding="utf-8")
        (aside / "variations.md").write_text(markdown(report), encoding="utf-8")
        for name, pixels in figures.items():
            (aside / name).write_bytes(encode_png(pixels))
    context.progress(1000, 1000)
    return EvaluateVariationsResult(
        folder=str(target), report=report, markdown=markdown(report), seconds=time.monotonic() - began
    )


def _unseen(config: EvaluateVariationsConfig, view: View, context: Context) -> Images:
    """Photographs outside the training split, drawn by the seed."""
    records = _unseen_records(context, config.seed)
    if len(records) < 2:
        raise NotReady("fewer than 2 photographs outside the training split: import with a share for the test split")
    return np.stack([load_cut(context.store, record, view) for record in records[: config.images]])


def _unseen_records(context: Context, seed: int) -> list[ImageRecord]:
    """Photographs outside the training split, in an order drawn by the seed."""
    records = [image for split in _UNSEEN for image in context.store.images.list(split=split)]
    return [records[row] for row in np.random.default_rng(seed).permutation(len(records))]


def _sigma(t: int) -> float:
    from augment.ddpm.schedule import step_to_sigma

    return step_to_sigma(t)


class _Drawing:
    """The generator asked again and again, with one count of what is done."""

    def __init__(self, generator: Generator, config: EvaluateVariationsConfig, total: int, context: Context) -> None:
        self.generator = generator
        self._config, self._total, self._context, self._done = config, total, context, 0

    def from_photograph(self, start: Images, t: int, count: int) -> Images:
        """Results (count, side, side, C) of one photograph, told nothing but its noise, as published."""
        return self._drawn([None] * count, start, _sigma(t))

    def of_labels(self, labels: Sequence[str]) -> Images:
        """A sample of each label, from nothing; labels are not told to a generator that knows none."""
        known = self.generator.uses_label
        return self._drawn([label if known else None for label in labels], None, MOST_SIGMA)

    def noised(self, start: Images, t: int) -> Images:
        """What the first result of a photograph begins with, (side, side, C)."""
        import torch

        from augment.ddpm.sampling import noised

        clean = torch.from_numpy(to_float(start[None]))
        begun: Images = to_uint8(noised(clean, [self._config.seed], _sigma(t)).numpy())[0]
        return begun

    def _drawn(self, labels: Sequence[str | None], start: Images | None, sigma: float) -> Images:
        recipes = [
            {
                "label": label,
                "label_guidance": 1.0,
                "position_guidance": 1.0,
                "steps": self._config.steps,
                "sampler": self._config.sampler,
                "micro_batch": SamplerConfig().micro_batch,
                "sigma": sigma,
            }
            for label in labels
        ]
        first = self._done

        def on_step(step: int, total: int) -> None:
            self._context.progress(first + len(labels) * step // total, self._total)

        self._done += len(labels)
        seeds = range(self._config.seed, self._config.seed + len(labels))
        return draw_series(self.generator, recipes, seeds, on_step, start=start)


class _Pairs:
    """CutMix of each photograph's left half with the next one's right half."""

    def __init__(self, photographs: Images, drawing: _Drawing) -> None:
        self._below, self._other = photographs, np.roll(photographs, -1, axis=0)
        self._right = np.zeros(photographs.shape[1:3], dtype=np.bool_)
        self._right[:, photographs.shape[2] // 2 :] = True
        self.pasted = np.where(self._right[None, :, :, None], self._other, self._below)
        self.results = np.concatenate([drawing.from_photograph(one, STEPS_OF_NOISE[0], 1) for one in self.pasted])

    @property
    def figures(self) -> CutmixFigures:
        """Medians over the pairs."""

        def seams(images: Images) -> float:
            return float(np.median([seam_strength(one, self._right) for one in images]))

        def kept(originals: Images, where: NDArray[np.bool_]) -> float:
            both = zip(self.results, originals, strict=True)
            return float(np.median([structural_similarity(one, other, where) for one, other in both]))

        return CutmixFigures(
            pairs=len(self.pasted),
            seam_hard=seams(self.pasted),
            seam_after=seams(self.results),
            seam_real=seams(self._below),
            kept_left=kept(self._below, ~self._right),
            kept_right=kept(self._other, self._right),
        )

    def sheet(self, drawing: _Drawing) -> Images:
        """Both photographs, the paste, what was noised, and what came of it."""
        shown = slice(_SHOWN)
        t = STEPS_OF_NOISE[0]
        return captioned_rows(
            [
                ("left half from", self._below[shown]),
                ("right half from", self._other[shown]),
                ("pasted", self.pasted[shown]),
                (f"noised to t = {t}", np.stack([drawing.noised(one, t) for one in self.pasted[shown]])),
                ("denoised", self.results[shown]),
            ],
            _SHOWN,
        )


def _likeness(photographs: Images, varied: Mapping[int, Sequence[Images]]) -> list[Likeness]:
    rows = []
    for t, results in varied.items():
        to_source = [
            structural_similarity(one, result) for one, own in zip(photographs, results, strict=True) for result in own
        ]
        among = [structural_similarity(a, b) for own in results for a, b in combinations(own, 2)]
        rows.append(Likeness(name=f"from t = {t}", to_source=float(np.mean(to_source)), among=float(np.mean(among))))
    others = [structural_similarity(a, b) for a, b in pairwise(photographs)]
    return [*rows, Likeness(name="another photograph", to_source=float(np.mean(others)), among=None)]


def _sheets(photographs: Images, varied: Mapping[int, Sequence[Images]], drawing: _Drawing) -> dict[str, Images]:
    """Of several photographs the first result, and of one photograph all results, by file name."""
    t, shown = STEPS_OF_NOISE[0], photographs[:_SHOWN]
    noised = captioned_rows(
        [
            ("photographs that the generator has not seen", shown),
            (f"noised to t = {t}", np.stack([drawing.noised(one, t) for one in shown])),
            ("denoised", np.stack([results[0] for results in varied[t][:_SHOWN]])),
        ],
        _SHOWN,
    )
    rows = [("a photograph", photographs[:1])]
    for t in reversed(STEPS_OF_NOISE):
        begun = drawing.noised(photographs[0], t)
        rows.append((f"noised to t = {t}, and its results", np.concatenate([begun[None], varied[t][0]])))
    return {"noised.png": noised, "several.png": captioned_rows(rows)}


def _sets(
    config: EvaluateVariationsConfig, drawing: _Drawing, view: View, context: Context
) -> tuple[dict[str, tuple[Images, SetFigures]], list[str], str]:
    """Sets of images with their figures, by name; notes; and what the features are of."""
    from augment.judge.classifier import JudgeConfig

    projection = context.store.projections.latest()
    map_encoder_id = 0 if projection is None else projection.encoder_id
    judge = find_encoder_judge(
        config.encoder, JudgeConfig(images_seen=config.judge_images), view, map_encoder_id, staged(context, 700, 290)
    )
    rows = np.random.default_rng(config.seed).permutation(len(judge.training.images))[: config.table_samples]
    labels = [judge.labels[judge.training.label_index[row]] for row in rows]
    real = judge.compared(judge.features[rows])
    held_out = [load_cut(context.store, one, view) for one in _unseen_records(context, config.seed)[: len(rows)]]
    images = {"real, held out": np.stack(held_out), "generator": drawing.of_labels(labels)}
    dcgan, notes = _dcgan(config, view, context)
    if dcgan is not None:
        images["DCGAN"] = dcgan_images(dcgan, labels, range(config.seed, config.seed + len(labels)), context)
    judged = {name: (made, _figures(name, made, real, judge)) for name, made in images.items()}
    return judged, notes, judge.encoder_name.text


def _figures(name: str, images: Images, real: NDArray[np.float32], judge: EncoderJudge) -> SetFigures:
    features = judge.compared(judge.encode(images))
    return SetFigures(
        name=name, images=len(images), kernel=kernel_distance(features, real), manifold=manifold(features, real)
    )


def _dcgan(config: EvaluateVariationsConfig, view: View, context: Context) -> tuple[ModelRecord | None, list[str]]:
    """The DCGAN of this view, or why there is none."""
    if config.dcgan_model_id is None and context.store.models.latest("dcgan") is None:
        return None, ["No DCGAN is trained in this workspace (kizu train dcgan)."]
    record = find_model(context, "dcgan", config.dcgan_model_id, None)
    if record.config.get("view") != view.to_json():
        return None, [f"DCGAN {record.id} is left out: it was trained with another view."]
    return record, []
