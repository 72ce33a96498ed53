"""Which models can re-draw in this workspace, told from their small files, before anything is loaded. No torch."""

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augment.ddpm.settings import MOST_SIDES
from augment.errors import InvalidConfig, NotReady
from augment.latent.checkpoint import Checkpoint, inspect_checkpoint
from augment.latent.settings import SamplerName
from augment.operations.base_models import LATENT_ASSETS
from augment.operations.context import Progress
from augment.store import Store

__all__ = [
    "BUILT_IN",
    "WORKSPACE",
    "ModelChoice",
    "find_checkpoint",
    "known_models",
    "local_checkpoint",
    "model_choice",
]

BUILT_IN = "built-in"
WORKSPACE = "workspace"
_LARGE_PX, _LARGE_GUIDANCE = 512, 6.0
"""From the size of Stable Diffusion, models hardly hear their words without guidance."""
_SMALL_STEPS, _SMALL_GUIDANCE = 20, 4.0
_SMALL_SAMPLER: SamplerName = "dpmpp_2m_sde_karras"
"""A small network leaves some noise, and a sampler without chance keeps it: grain where a stain should be. One that
draws new noise at every step forgets it."""

_WANTED = ["*.json", "*.txt", "*/*.safetensors"]


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model as a form offers it. id: what `RedrawConfig.model` takes.

    side_px, most_px: usual and largest longer side of the patch it is given, both sides multiples of grid_px.
    prompted: whether it listens to words; labels: what it can draw, empty for any. steps, guidance, sampler: what suits
    it.
    """

    id: str
    name: str
    side_px: int
    most_px: int
    grid_px: int
    prompted: bool
    labels: tuple[str, ...] = ()
    steps: int = 40
    guidance: float = 1.0
    sampler: SamplerName = "dpmpp_2m_karras"


def known_models(store: Store) -> list[ModelChoice]:
    """The workspace's own model first, where one is trained, then the one that ships with Kizu."""
    found = []
    if store.models.latest("redraw") is not None:
        found.append(model_choice(store, WORKSPACE))
    if (LATENT_ASSETS / "model_index.json").is_file():
        found.append(model_choice(store, BUILT_IN))
    return found


def model_choice(store: Store, model: str, progress: Progress | None = None) -> ModelChoice:
    """What is known of a model by its id: "workspace", "built-in", a folder, a file or a Hub id.

    progress: told of the bytes of a Hub model that is fetched. Raises NotReady where the workspace has trained none or
    a Hub model cannot be had, and what `inspect_checkpoint` does.
    """
    if model != WORKSPACE:
        found = find_checkpoint(model, progress)
        return ModelChoice(
            id=model,
            name=model if model == BUILT_IN else found.path.name,
            side_px=found.side_px,
            most_px=found.most_px,
            grid_px=found.patch_grid_px,
            prompted=True,
            steps=40 if found.side_px >= _LARGE_PX else _SMALL_STEPS,
            guidance=_LARGE_GUIDANCE if found.side_px >= _LARGE_PX else _SMALL_GUIDANCE,
            sampler="dpmpp_2m_karras" if found.side_px >= _LARGE_PX else _SMALL_SAMPLER,
        )
    record = store.models.latest("redraw")
    if record is None:
        raise NotReady("no re-drawing model is trained in this workspace: train one (kizu train redraw)")
    denoiser = record.config["denoiser"]
    return ModelChoice(
        id=WORKSPACE,
        name=f"workspace {record.id}",
        side_px=int(denoiser["side_px"]),
        most_px=MOST_SIDES * int(denoiser["side_px"]),
        grid_px=2 ** (len(denoiser["unet"]["widths"]) - 1),
        prompted=False,
        labels=tuple(record.config["labels"]),
        steps=16,
        guidance=3.0,
    )


def find_checkpoint(model: str, progress: Progress | None = None) -> Checkpoint:
    """The checkpoint of "built-in", a path, or a Hub id, whose files are fetched where they were not before.

    Raises what `local_checkpoint` does, and NotReady for a Hub model that cannot be had.
    """
    return local_checkpoint(model) or inspect_checkpoint(_from_hub(model, progress or Progress()))


def local_checkpoint(model: str) -> Checkpoint | None:
    """The same from this machine alone: None for a Hub model that has not been fetched.

    Raises NotReady for the built-in one where it is not there, and what `inspect_checkpoint` does.
    """
    if not model.strip():
        raise InvalidConfig("model: built-in, workspace, a folder, a .safetensors file or a Hub id is needed")
    if model == BUILT_IN:
        if not (LATENT_ASSETS / "model_index.json").is_file():
            raise NotReady(
                "the built-in model is not among Kizu's files (assets/latent): train it (kizu train latent), take the "
                "workspace's own (--model workspace), or give a folder, a .safetensors file or a Hub id"
            )
        return inspect_checkpoint(LATENT_ASSETS)
    path = Path(model).expanduser()
    if path.exists() or path.is_absolute() or model.count("/") != 1:
        return inspect_checkpoint(path)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    with suppress(LocalEntryNotFoundError, HFValidationError):
        return inspect_checkpoint(Path(snapshot_download(model, allow_patterns=_WANTED, local_files_only=True)))
    return None


def _from_hub(model: str, progress: Progress) -> Path:
    """The folder of a Hub model, its safetensors and small files alone, fetched now."""
    import httpx2
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    try:
        return Path(snapshot_download(model, allow_patterns=_WANTED, tqdm_class=_told_to(progress)))
    except (HfHubHTTPError, HFValidationError, httpx2.HTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotReady(
            f"model {model} could not be had from the Hub ({reason:.160}): check its name and the network, "
            "or give a folder in diffusers' layout or a .safetensors file on this machine"
        ) from error


def _told_to(progress: Progress) -> type[Any]:
    """A progress bar for huggingface_hub that shows nothing, tells of bytes and ends the download when it is to."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    lock = threading.Lock()
    done = 0

    class Told(tqdm):  # type: ignore[misc, unused-ignore]
        def __init__(self, *arguments: object, **options: object) -> None:
            self._bytes = options.get("unit") == "B"
            super().__init__(*arguments, **{**options, "disable": True})  # type: ignore[no-untyped-call, unused-ignore]

        def update(self, n: float | None = 1) -> None:
            nonlocal done
            self.n += n or 0
            if self._bytes and self.total:
                with lock:
                    # Two bars count the same bytes, as they come and as they are written.
                    done = max(done, int(self.n))
                    progress(min(done, int(self.total)), int(self.total))
            progress.check()

    return Told
