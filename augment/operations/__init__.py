"""The registry of everything Kizu can do: each operation's name, title, config dataclass and function.

Operations are named here by text ("module:function") and imported when they are first asked for, so that the server and
`kizu --help` import no torch. Who runs an operation (a job's process, the warm worker, the command line) is not known
here.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from augment.errors import NotFound
from augment.operations.configs import Json, config_from_json, describe_type, field_types, to_json

__all__ = [
    "OPERATIONS",
    "Config",
    "Json",
    "Operation",
    "Registry",
    "config_from_json",
    "describe_type",
    "field_types",
    "find_operation",
    "to_json",
]

Config = Any
"""A config dataclass of some operation, or its JSON where a reader of configs stands between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing Kizu can do.

    name: the key in the registry and in `JobRecord.operation`. title: what the job strip shows.
    config, run: "module:attribute" of the config dataclass and of `run(config, context) -> result dataclass or None`.
    long: True for what runs as a job in its own process; False for what answers a click in the warm worker.
    settle: "module:function" that the owner of the workspace calls with its open Store once a run is done, or "".
    """

    name: str
    title: str
    config: str
    run: str
    long: bool
    settle: str = ""

    @property
    def config_type(self) -> type[Any]:
        """The config dataclass, imported at the first use."""
        return cast(type[Any], _resolve(self.config))

    def load(self) -> Callable[[Any, Any], Any]:
        """The function `run(config, context)`, imported at the first use."""
        return cast(Callable[[Any, Any], Any], _resolve(self.run))

    def load_settle(self) -> Callable[[Any], None]:
        """The function to call with the store after a run that is done; one that does nothing where there is none."""
        return cast(Callable[[Any], None], _resolve(self.settle)) if self.settle else lambda store: None

    def read_config(self, config: Config) -> Config:
        """A validated config from JSON or from a config already made. Raises InvalidConfig naming the field."""
        if isinstance(config, Mapping):
            return config_from_json(self.config_type, config)
        if not isinstance(config, self.config_type):
            raise TypeError(f"{self.name} takes a {self.config_type.__name__}, not a {type(config).__name__}")
        return config


Registry = Mapping[str, Operation]
"""Operations by name; the engines take one, so that tests bring their own."""


def _operation(name: str, title: str, module: str, config: str, run: str, *, long: bool, settle: str = "") -> Operation:
    package = "augment.operations"
    return Operation(
        name=name,
        title=title,
        config=f"{package}.{module}:{config}",
        run=f"{package}.{module}:{run}",
        long=long,
        settle=f"{package}.{settle}" if settle else "",
    )


OPERATIONS: dict[str, Operation] = {
    operation.name: operation
    for operation in (
        _operation(
            "import",
            "Import images",
            "import_images",
            "ImportConfig",
            "import_images",
            long=True,
            settle="settle:keep_view",
        ),
        _operation(
            "train_encoder", "Train the encoder", "train_encoder", "TrainEncoderConfig", "train_encoder", long=True
        ),
        _operation("embed", "Build the map", "embed", "EmbedConfig", "embed", long=True),
        _operation("train_ddpm", "Train the generator", "train_ddpm", "TrainDdpmConfig", "train_ddpm", long=True),
        _operation(
            "train_redraw", "Train the re-drawing model", "train_redraw", "TrainRedrawConfig", "train_redraw", long=True
        ),
        _operation("train_lora", "Train a LoRA", "train_lora", "TrainLoraConfig", "train_lora", long=True),
        _operation(
            "preflight_lora", "Measure a LoRA's steps", "lora_preflight", "TrainLoraConfig", "preflight_lora", long=True
        ),
        _operation("lora_grid", "Compare LoRAs", "lora_grid", "LoraGridConfig", "lora_grid", long=True),
        _operation("train_factors", "Train factors", "train_factors", "TrainFactorsConfig", "train_factors", long=True),
        _operation("encode_factors", "Read factors", "factors", "EncodeFactorsConfig", "encode_factors", long=False),
        _operation("decode_factors", "Draw factors", "factors", "DecodeFactorsConfig", "decode_factors", long=False),
        _operation("factor_series", "Draw a series", "factors", "FactorSeriesConfig", "factor_series", long=False),
        _operation("train_dcgan", "Train a DCGAN", "train_dcgan", "TrainDcganConfig", "train_dcgan", long=True),
        _operation(
            "generate_dcgan", "Generate by DCGAN", "generate_dcgan", "GenerateDcganConfig", "generate_dcgan", long=True
        ),
        _operation("generate", "Generate samples", "generate", "GenerateConfig", "generate", long=False),
        _operation("cutmix", "Mix two photographs", "cutmix", "CutmixConfig", "cutmix", long=False),
        _operation("vary", "Vary photographs", "vary", "VaryConfig", "vary", long=False),
        _operation("redraw", "Re-draw a part", "redraw", "RedrawConfig", "redraw", long=False),
        _operation("redraw_batch", "Re-draw many", "redraw_batch", "RedrawBatchConfig", "redraw_batch", long=True),
        _operation("paste_batch", "Paste many", "paste_batch", "PasteBatchConfig", "paste_batch", long=True),
        _operation("gate", "Run the gates", "gate", "GateConfig", "gate", long=True),
        _operation(
            "mix_controls", "Mix in real images", "mix_controls", "MixControlsConfig", "mix_controls", long=True
        ),
        _operation("loop", "Close the loop", "loop", "LoopConfig", "loop", long=True),
        _operation("plan", "Plan what to generate", "plan", "PlanConfig", "plan", long=False),
        _operation("make_plan", "Make what is planned", "make_plan", "PlanConfig", "make_plan", long=True),
        _operation("propose", "Propose places at a boundary", "propose", "ProposeConfig", "propose", long=False),
        _operation("regenerate", "Make a sample again", "regenerate", "RegenerateConfig", "regenerate", long=False),
        _operation(
            "evaluate_variations",
            "Evaluate variations",
            "evaluate_variations",
            "EvaluateVariationsConfig",
            "evaluate_variations",
            long=True,
        ),
        _operation(
            "evaluate_classifier",
            "Evaluate samples by a classifier",
            "evaluate_classifier",
            "EvaluateClassifierConfig",
            "evaluate_classifier",
            long=True,
        ),
        _operation(
            "evaluate_samples",
            "Measure samples",
            "evaluate_samples",
            "EvaluateSamplesConfig",
            "evaluate_samples",
            long=True,
        ),
        _operation(
            "evaluate_demo",
            "Evaluate the demo",
            "evaluate_demo",
            "EvaluateDemoConfig",
            "evaluate_demo",
            long=True,
        ),
        _operation(
            "evaluate_factors",
            "Evaluate factors",
            "evaluate_factors",
            "EvaluateFactorsConfig",
            "evaluate_factors",
            long=True,
        ),
        _operation(
            "evaluate_slider",
            "Evaluate a slider",
            "evaluate_slider",
            "EvaluateSliderConfig",
            "evaluate_slider",
            long=True,
        ),
        _operation(
            "evaluate_control",
            "Evaluate control",
            "evaluate_control",
            "EvaluateControlConfig",
            "evaluate_control",
            long=True,
        ),
        _operation("export", "Export the dataset", "export", "ExportConfig", "export_dataset", long=True),
        _operation("base", "Train the base networks", "train_base", "TrainBaseConfig", "train_base", long=True),
        _operation(
            "latent", "Train the built-in model", "train_latent", "TrainLatentConfig", "train_latent", long=True
        ),
        _operation("demo", "Train the demo models", "train_demo", "TrainDemoConfig", "train_demo", long=True),
    )
}


def find_operation(name: str, operations: Registry = OPERATIONS) -> Operation:
    """The operation called `name`. Raises NotFound with the names there are."""
    try:
        return operations[name]
    except KeyError:
        raise NotFound(f"operation {name!r} is not known here: {', '.join(sorted(operations))}") from None


def _resolve(place: str) -> object:
    module, _, attribute = place.partition(":")
    return getattr(importlib.import_module(module), attribute)
