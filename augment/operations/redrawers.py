"""A trained re-drawing model taken from the workspace, kept loaded, and asked to draw inside a mask.

Imports torch only when it runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from augment.ddpm.settings import SamplerConfig
from augment.errors import NotFound
from augment.operations.context import Context
from augment.operations.generators import find_model, loaded
from augment.store import ModelRecord

if TYPE_CHECKING:
    from augment.ddpm.redraw import Redrawer
    from augment.training.precision import Precision

__all__ = ["WorkspaceRedrawer", "find_redrawer"]


@dataclass(frozen=True)
class WorkspaceRedrawer:
    """A loaded network with the record it came from."""

    record: ModelRecord
    model: "Redrawer"
    precision: "Precision"

    @property
    def labels(self) -> list[str]:
        """The labels it can draw, in the order of its network."""
        return list(self.record.config["labels"])

    @property
    def good_labels(self) -> list[str]:
        """Those of them that mean a part without a defect."""
        return list(self.record.config["good_labels"])

    @property
    def side_px(self) -> int:
        """Side of the patches it was trained on: cut for it at this scale."""
        return self.model.config.side_px

    @property
    def grid_px(self) -> int:
        """Sides of patches are best multiples of this."""
        return self.model.grid_px

    def label_index(self, label: str) -> int:
        """The network's number of a label. NotFound with the labels there are."""
        if label not in self.labels:
            raise NotFound(
                f"label {label!r} is not known to re-drawing model {self.record.id}: {', '.join(self.labels)}; "
                "train it again with images of it"
            )
        return self.labels.index(label)

    def redraw(
        self,
        pixels: NDArray[np.uint8],
        mask: NDArray[np.bool_],
        label: str,
        seeds: Sequence[int],
        config: SamplerConfig,
        *,
        guidance: float = 1.0,
        sigma: float | None = None,
        on_step: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float32]:
        """Answers (n, h, w, C) float32 in [0, 255] of a patch (h, w, C), see `augment.ddpm.redraw.redraw`."""
        from augment.ddpm.redraw import redraw

        index = self.label_index(label)
        return redraw(
            self.model,
            self.precision,
            pixels,
            mask,
            index,
            seeds,
            config,
            guidance=guidance,
            sigma=sigma,
            on_step=on_step,
        )


def find_redrawer(context: Context, model_id: int | None = None, sha256: str | None = None) -> WorkspaceRedrawer:
    """The model asked for by id or hash, else the newest; loaded once in a process.

    NotFound if there is no such model, NotReady if none is trained yet or its file is gone.
    """
    from augment.ddpm.denoiser import DenoiserConfig
    from augment.ddpm.redraw import Redrawer

    record = find_model(context, "redraw", model_id, sha256)
    model, precision = loaded(context, record, lambda: Redrawer(DenoiserConfig.from_json(record.config["denoiser"])))
    return WorkspaceRedrawer(record, model, precision)
