"""Which models can re-draw in this workspace, told from their small files, before anything is loaded. No torch."""

from dataclasses import dataclass
from pathlib import Path

from augment.errors import InvalidConfig, NotReady
from augment.latent.checkpoint import Checkpoint, inspect_checkpoint
from augment.operations.base_models import LATENT_ASSETS
from augment.store import Store

__all__ = ["BUILT_IN", "WORKSPACE", "ModelChoice", "find_checkpoint", "known_models", "model_choice"]

BUILT_IN = "built-in"
WORKSPACE = "workspace"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model as a form offers it. id: what `RedrawConfig.model` takes. side_px, grid_px: of the patch it is given.

    prompted: whether it listens to words; labels: what it can draw, empty for any.
    """

    id: str
    name: str
    side_px: int
    grid_px: int
    prompted: bool
    labels: tuple[str, ...] = ()


def known_models(store: Store) -> list[ModelChoice]:
    """The workspace's own model first, where one is trained, then the one that ships with Kizu."""
    found = []
    if store.models.latest("redraw") is not None:
        found.append(model_choice(store, WORKSPACE))
    if (LATENT_ASSETS / "model_index.json").is_file():
        found.append(model_choice(store, BUILT_IN))
    return found


def model_choice(store: Store, model: str) -> ModelChoice:
    """What is known of a model by its id: "workspace", "built-in", a folder, a file or a Hub id.

    Raises NotReady where the workspace has trained none or a Hub model is not here, and what `inspect_checkpoint` does.
    """
    if model != WORKSPACE:
        found = find_checkpoint(model)
        return ModelChoice(
            id=model,
            name=model if model == BUILT_IN else found.path.name,
            side_px=found.side_px,
            grid_px=found.grid_px,
            prompted=True,
        )
    record = store.models.latest("redraw")
    if record is None:
        raise NotReady("no re-drawing model is trained in this workspace: train one (kizu train redraw)")
    denoiser = record.config["denoiser"]
    return ModelChoice(
        id=WORKSPACE,
        name=f"workspace {record.id}",
        side_px=int(denoiser["side_px"]),
        grid_px=2 ** (len(denoiser["unet"]["widths"]) - 1),
        prompted=False,
        labels=tuple(record.config["labels"]),
    )


def find_checkpoint(model: str) -> Checkpoint:
    """The checkpoint of "built-in", a path, or a Hub id whose files were fetched before.

    Raises NotReady for the built-in one where it is not there, and for a Hub model that is not on
    this machine, and what `inspect_checkpoint` does.
    """
    if not model.strip():
        raise InvalidConfig("model: built-in, workspace, a folder, a .safetensors file or a Hub id is needed")
    if model == BUILT_IN:
        if not (LATENT_ASSETS / "model_index.json").is_file():
            raise NotReady(
                "the built-in model does not come with this version: train it (kizu train latent), take the "
                "workspace's own (--model workspace), or give a folder, a .safetensors file or a Hub id"
            )
        return inspect_checkpoint(LATENT_ASSETS)
    path = Path(model).expanduser()
    if path.exists() or path.is_absolute() or model.count("/") != 1:
        return inspect_checkpoint(path)
    return inspect_checkpoint(_from_hub(model))


def _from_hub(model: str) -> Path:
    """The folder of a Hub model: what was fetched before, else fetched now, its safetensors and small files alone."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    wanted = ["*.json", "*.txt", "*/*.safetensors"]
    try:
        return Path(snapshot_download(model, allow_patterns=wanted))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise NotReady(
            f"model {model} could not be had from the Hub ({reason:.160}): check its name and the network, "
            "or give a folder on this machine"
        ) from error
