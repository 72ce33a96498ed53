"""A fitted UMAP: 20-D positions to condition on, 2-D positions to look at, and new images placed without fitting again.

Beside it each fitted point's aim: UMAP keeps who is whose neighbour and gives away how they differ, so that within a
tight class positions say too little of an image; the aim says it (see `encoders`).

umap-learn is imported by `fit` and `prepare_umap` alone; a saved projection is arrays, and placing is a weighted mean
over neighbours. It does not know images, labels or splits: whoever calls it fits it on the training split, or on a
share of it.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from augment.errors import InvalidConfig, InvalidInput, NotReady
from augment.features.neighbours import Floats, check_points, nearest, shepard_weights

__all__ = ["Projection", "ProjectionConfig", "prepare_umap"]

_ARRAYS = {
    "features": "projection_features.npy",
    "position": "projection_position.npy",
    "xy": "projection_xy.npy",
    "aim": "projection_aim.npy",
}
_HEAD = "projection.json"
_BLOCK_ROWS = 8192  # rows placed between two reports: 1 s on one core with 20,000 fitted points of 128 dimensions


@dataclass(frozen=True, kw_only=True)
class ProjectionConfig:
    """How features are reduced. Defaults follow Hayata 2025 (20 dimensions) and umap-learn (15 neighbours, 0.1)."""

    dimensions: int = field(
        default=20, metadata={"help": "dimensions of a position; the generators are conditioned on them"}
    )
    neighbours: int = field(
        default=15, metadata={"help": "neighbours of a point in UMAP: few show detail, many the whole"}
    )
    min_dist: float = field(default=0.1, metadata={"help": "how closely UMAP may pack points: 0 to 1"})
    metric: Literal["cosine", "euclidean"] = field(default="cosine", metadata={"help": "distance between features"})
    place_neighbours: int = field(default=8, metadata={"help": "fitted points that place a new one"})
    smallest_umap: int = field(
        default=15, metadata={"help": "below this many different points PCA takes the place of UMAP"}
    )
    seed: int = field(default=0, metadata={"help": "random seed; the same seed and features give the same positions"})

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            InvalidConfig: a field lies outside its range.
        """
        if not 2 <= self.dimensions <= 64:
            raise InvalidConfig(f"dimensions {self.dimensions}: 2 to 64 are possible; 20 is usual")
        if not 2 <= self.neighbours <= 200:
            raise InvalidConfig(f"neighbours {self.neighbours}: 2 to 200 are possible; 15 is usual")
        if not 0.0 <= self.min_dist <= 1.0:
            raise InvalidConfig(f"min_dist {self.min_dist}: 0 to 1 is possible; 0.1 is usual")
        if self.metric not in ("cosine", "euclidean"):
            raise InvalidConfig(f"metric {self.metric!r}: choose cosine or euclidean")
        if not 1 <= self.place_neighbours <= 100:
            raise InvalidConfig(f"place_neighbours {self.place_neighbours}: 1 to 100 are possible; 8 is usual")
        if self.smallest_umap < 4:
            raise InvalidConfig(f"smallest_umap {self.smallest_umap}: 4 or more; UMAP needs some neighbours")
        if not 0 <= self.seed < 2**32:
            raise InvalidConfig(f"seed {self.seed}: 0 to {2**32 - 1} is possible")


@dataclass(frozen=True, eq=False)
class Projection:
    """Fitted points in three spaces. All arrays have n rows in the order of the features given to `fit`.

    features: (n, d) float32, scaled to length 1 when the metric is cosine.
    position: (n, dimensions) float32; dimensions that few points could not fill are 0.
    xy: (n, 2) float32.
    aim: (n, c) float32, what the encoder gives beside the features; not reduced, only kept and blended.
    method: "umap" or "pca".
    notes: what a user should be told about the fit, in words; empty when all went as usual.
    """

    config: ProjectionConfig
    features: Floats
    position: Floats
    xy: Floats
    aim: Floats
    method: Literal["umap", "pca"]
    notes: tuple[str, ...] = ()

    @classmethod
    def fit(
        cls,
        features: NDArray[Any],
        config: ProjectionConfig | None = None,
        report: Callable[[float], None] | None = None,
        aim: NDArray[Any] | None = None,
    ) -> "Projection":
        """Fit both reductions on the same neighbours.

        Args:
            features: (n, d) float32, finite, n >= 1.
            config: see `ProjectionConfig`.
            report: told now and then the share that is done, 0 to 1; may raise, which ends the fit. umap-learn's
                compilation is not in it, see `prepare_umap`.
            aim: (n, c) float32, finite, of the same images; the scaled features where nothing finer is known.

        Returns:
            The projection. With fewer than `smallest_umap` different rows it is a PCA (one image: everything at 0),
            with fewer than `neighbours` + 1 rows all others are neighbours; `notes` says so.

        Raises:
            InvalidInput: no rows, unlike numbers of them, or NaN or infinity in them.

        Time grows with the square of n at first (neighbours) and then with n: 20,000 rows take half a minute.
        """
        config = config or ProjectionConfig()
        given = check_points(features, "features")
        if not len(given):
            raise InvalidInput("features of 0 images: a map needs at least one image in the training split")
        points = _scaled(given, config.metric)
        aim = points if aim is None else check_points(aim, "aims")
        if len(aim) != len(given):
            raise InvalidInput(f"{len(given)} features and {len(aim)} aims: one of each is needed for an image")
        different = len(np.unique(points, axis=0))
        notes: list[str] = []
        if different < len(points):
            notes.append(f"{len(points) - different} of {len(points)} images have the same features as another one")
        if different < config.smallest_umap:
            counted = "1 different image is" if different == 1 else f"{different} different images are"
            notes.append(
                f"{counted} too few for UMAP ({config.smallest_umap} needed): the map shows their principal components"
            )
            position, xy = _pca(points, config.dimensions), _pca(points, 2)
            return cls(config, points, position, xy, aim, "pca", tuple(notes))
        neighbours = min(config.neighbours, len(points) - 1)
        if neighbours < config.neighbours:
            notes.append(
                f"{len(points)} images have fewer than {config.neighbours} neighbours each: {neighbours} are used"
            )
        tell = report or (lambda share: None)
        graph = _fuzzy_graph(points, neighbours, lambda share: tell(share / 10))
        position = _umap(points, graph, config.dimensions, config, lambda share: tell(0.1 + 0.45 * share))
        xy = _umap(points, graph, 2, config, lambda share: tell(0.55 + 0.45 * share))
        return cls(config, points, position, xy, aim, "umap", tuple(notes))

    def place(self, features: NDArray[Any], report: Callable[[float], None] | None = None) -> tuple[Floats, Floats]:
        """Positions of new features: the mean of their nearest fitted points, weighted by inverse distance.

        Args:
            features: (m, d) float32, finite, from the encoder that made the fitted ones; may be memory-mapped, for
                they are read in blocks. A fitted row gets its own position.
            report: told now and then the share of rows that are placed, 0 to 1; may raise, which ends it.

        Returns:
            position (m, dimensions) float32 and xy (m, 2) float32.

        Raises:
            InvalidInput: another width than the fitted features, or NaN or infinity.
        """
        position = np.empty((len(features), self.position.shape[1]), dtype=np.float32)
        xy = np.empty((len(features), 2), dtype=np.float32)
        fitted = np.ascontiguousarray(self.features)
        for start in range(0, len(features), _BLOCK_ROWS):
            if report is not None:
                report(start / len(features))
            here = slice(start, start + _BLOCK_ROWS)
            asked = _scaled(check_points(features[here], "features", fitted.shape[1]), self.config.metric)
            rows, distances = nearest(fitted, asked, self.config.place_neighbours + 1)
            weights = shepard_weights(distances)
            position[here], xy[here] = _blend(self.position, rows, weights), _blend(self.xy, rows, weights)
        return position, xy

    def at(self, xy: NDArray[Any], neighbours: int = 6) -> tuple[Floats, Floats]:
        """What lies under places of the 2-D view, for clicks between points.

        Args:
            xy: (m, 2) float. Exactly on a fitted point its own values come back.
            neighbours: fitted points that are averaged, weighted by inverse distance in the view.

        Returns:
            position (m, dimensions) float32 and aim (m, c) float32.
        """
        rows, distances = nearest(self.xy, check_points(xy, "places on the map", 2), neighbours + 1)
        weights = shepard_weights(distances)
        return _blend(self.position, rows, weights), _blend(self.aim, rows, weights)

    def near(self, position: NDArray[Any], neighbours: int = 6) -> tuple[Floats, Floats]:
        """What lies at positions (m, dimensions): xy (m, 2) and aim (m, c), from the nearest fitted points."""
        rows, distances = nearest(self.position, check_points(position, "positions"), neighbours + 1)
        weights = shepard_weights(distances)
        return _blend(self.xy, rows, weights), _blend(self.aim, rows, weights)

    def save(self, folder: Path) -> None:
        """Write `projection.json` and four .npy files into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, file in _ARRAYS.items():
            np.save(folder / file, getattr(self, name))
        head = {"config": asdict(self.config), "method": self.method, "notes": list(self.notes)}
        (folder / _HEAD).write_text(json.dumps(head, indent=1), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> "Projection":
        """Read what `save` wrote; the arrays are memory-mapped.

        Raises:
            NotReady: a file is missing or damaged.
        """
        try:
            head = json.loads((folder / _HEAD).read_text(encoding="utf-8"))
            arrays = {name: np.load(folder / file, mmap_mode="r") for name, file in _ARRAYS.items()}
            config = ProjectionConfig(**head["config"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NotReady(f"the map in {folder.name} cannot be read ({error}): build the map again") from error
        return cls(config, method=head["method"], notes=tuple(head["notes"]), **arrays)

    @staticmethod
    def copy(source: Path, folder: Path) -> None:
        """Copy the files of a saved projection into another folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for file in (_HEAD, *_ARRAYS.values()):
            shutil.copyfile(source / file, folder / file)


def _scaled(points: Floats, metric: str) -> Floats:
    """Rows of length 1 for cosine: Euclidean distance then orders rows as the cosine does."""
    if metric == "euclidean":
        return points
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.where(lengths > 0, lengths, 1.0), dtype=np.float32)


def _blend(values: Floats, rows: NDArray[np.int64], weights: Floats) -> Floats:
    return np.asarray(np.einsum("mk,mkd->md", weights, values[rows]), dtype=np.float32)


def _pca(points: Floats, dimensions: int) -> Floats:
    """Principal components in the first columns, scaled so that the widest has standard deviation 1; the rest 0."""
    centred = points.astype(np.float64) - points.mean(axis=0, dtype=np.float64)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(dimensions, len(lengths))
    scores = left[:, :kept] * lengths[:kept]
    spread = float(scores[:, 0].std()) if kept else 0.0
    result = np.zeros((len(points), dimensions), dtype=np.float32)
    # Equal rows leave rounding noise of about 1e-8 that must not be blown up to a map.
    if spread > 1e-6:
        result[:, :kept] = scores / spread
    return result


def prepare_umap() -> None:
    """Import umap-learn and compile what `Projection.fit` runs, so that a fit that follows in this process starts at
    once.

    The first time on a machine that is 30 s of one core; numba keeps what it compiled beside the packages or, where
    that cannot be written, in the user's cache folder, and later processes need 3 s.
    """
    points = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    Projection.fit(points, ProjectionConfig(dimensions=2, neighbours=5))


def _keep_compiled() -> None:
    """Let numba keep the three functions that make up the compilation (8 s); umap-learn compiles them anew in each
    process."""
    import umap.layouts
    import umap.umap_

    for home, name in (
        (umap.umap_, "smooth_knn_dist"),
        (umap.umap_, "compute_membership_strengths"),
        (umap.layouts, "_nb_optimize_layout_euclidean_single_epoch"),
    ):
        # Another version may name them differently, or no folder can be written: then each process compiles them.
        with suppress(AttributeError, RuntimeError):
            getattr(home, name).enable_caching()


def _fuzzy_graph(points: Floats, neighbours: int, report: Callable[[float], None]) -> object:
    """UMAP's graph of fuzzy neighbourhoods (McInnes, Healy, Melville 2018, algorithms 2 and 3), a sparse matrix, on
    exact neighbours; the same graph serves all dimensions."""
    from umap.umap_ import fuzzy_simplicial_set

    _keep_compiled()
    rows, distances = nearest(points, points, neighbours, report=report)
    own = np.arange(len(points))
    # umap-learn expects each point first in its own row; one with twins may find a twin there: exchange them.
    place = np.argmax(rows == own[:, None], axis=1)
    place[~(rows == own[:, None]).any(axis=1)] = neighbours - 1
    rows[own, place], rows[:, 0] = rows[:, 0].copy(), own
    distances[own, place], distances[:, 0] = distances[:, 0].copy(), 0.0
    order = np.argsort(distances[:, 1:], axis=1, kind="stable") + 1
    rows[:, 1:] = np.take_along_axis(rows, order, axis=1)
    distances[:, 1:] = np.take_along_axis(distances, order, axis=1)
    graph, _, _ = fuzzy_simplicial_set(
        points, neighbours, np.random.RandomState(0), "euclidean", knn_indices=rows, knn_dists=distances
    )
    return graph


class _Epochs:
    """Where umap-learn's progress bar writes: each line is "done/total" and is handed on as a share."""

    def __init__(self, report: Callable[[float], None]) -> None:
        self._report = report

    def write(self, text: str) -> None:
        """Take what the bar draws."""
        done, _, total = text.strip().partition("/")
        if done.isdecimal() and total.isdecimal() and int(total):
            self._report(int(done) / int(total))

    def flush(self) -> None:
        """Nothing is held back."""


def _umap(
    points: Floats, graph: object, dimensions: int, config: ProjectionConfig, report: Callable[[float], None]
) -> Floats:
    """UMAP's layout of a fuzzy graph (McInnes, Healy, Melville 2018, algorithm 5), with umap-learn's defaults; columns
    that the data cannot fill are 0."""
    from umap.umap_ import find_ab_params, simplicial_set_embedding

    kept = min(dimensions, len(points) - 2, points.shape[1])
    a, b = find_ab_params(1.0, config.min_dist)
    fitted, _ = simplicial_set_embedding(
        points,
        graph,
        n_components=kept,
        initial_alpha=1.0,
        a=a,
        b=b,
        gamma=1.0,
        negative_sample_rate=5,
        n_epochs=None,
        init=_start(points, kept, config.seed),
        random_state=np.random.RandomState(config.seed),
        metric="euclidean",
        metric_kwds={},
        densmap=False,
        densmap_kwds={},
        output_dens=False,
        tqdm_kwds={"file": _Epochs(report), "bar_format": "{n_fmt}/{total_fmt}", "disable": False, "miniters": 1},
    )
    result = np.zeros((len(points), dimensions), dtype=np.float32)
    result[:, :kept] = fitted
    # A disconnected point comes back as NaN: it goes to the middle rather than breaking every distance.
    return np.nan_to_num(result, nan=0.0, posinf=0.0, neginf=0.0)


def _start(points: Floats, dimensions: int, seed: int) -> Floats:
    """Principal components scaled to 10 as the start: keeps the whole's shape as spectral starts do (Kobak and
    Linderman 2021), and never fails on classes that no neighbour connects."""
    scores = _pca(points, dimensions)
    widest = float(np.abs(scores).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=1e-3, size=scores.shape)
    return np.asarray(scores * (10.0 / widest) + noise, dtype=np.float32)
