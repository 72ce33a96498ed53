"""What a training's figures depend on besides its settings: versions, processor, threads. Written beside weights."""

import platform
from importlib import metadata
from typing import Any

__all__ = ["describe_machine"]

_VERSIONS = ("kizu", "numpy", "pillow", "scikit-learn", "scipy", "torch", "umap-learn")


def describe_machine() -> dict[str, Any]:
    """JSON values: Python, versions of the packages that decide results, processor features, threads and GPU."""
    import torch

    from augment.training.precision import processor_features

    known = {"avx2", "avx512f", "avx512_bf16", "amx_bf16"} & processor_features()
    versions = {}
    for name in _VERSIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed as a package"
    return {
        "python": platform.python_version(),
        "processor": f"{platform.machine()}, {', '.join(sorted(known)) or 'no known features'}",
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "threads": torch.get_num_threads(),
        "versions": versions,
    }
