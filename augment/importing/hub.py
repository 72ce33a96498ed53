"""Datasets on the Hugging Face Hub, read through its client and its cache; what is there already needs no network."""

from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from augment.errors import InvalidInput, NotFound
from augment.images import MAX_FILE_BYTES
from augment.importing.listing import Skipped, is_hidden

__all__ = ["CONVERTED_REVISION", "HubTree"]

CONVERTED_REVISION = "refs/convert/parquet"
"""The branch on which the Hub keeps a parquet copy of datasets that come in another form."""

_TABLES = (".parquet", ".arrow")
_NEXT_STEP = "check the id and the network, or download the dataset elsewhere and give its folder"


class HubTree(AbstractContextManager["HubTree"]):
    """One dataset repository. Its parquet copy is preferred where the dataset itself holds no tables."""

    def __init__(self, dataset_id: str, *, endpoint: str | None = None) -> None:
        """Name the dataset, "owner/name"; nothing is asked of the Hub before `files`."""
        self.name = dataset_id
        self.skipped: list[Skipped] = []
        self._endpoint = endpoint
        self._revision = "main"
        self._files: list[str] | None = None

    def files(self) -> list[str]:
        """See Tree. Raises NotFound if the Hub cannot be reached, does not know the dataset, or wants a login."""
        if self._files is None:
            found = self._listed("main")
            if not any(path.endswith(_TABLES) for path in found):
                converted = self._listed(CONVERTED_REVISION, optional=True)
                if converted:
                    self._revision, found = CONVERTED_REVISION, converted
            self._files = sorted(p for p in found if not any(is_hidden(part) for part in p.split("/")))
        return self._files

    def _listed(self, revision: str, *, optional: bool = False) -> list[str]:
        import httpx2
        from huggingface_hub import HfApi
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

        try:
            api = HfApi(endpoint=self._endpoint)
            return list(api.list_repo_files(self.name, repo_type="dataset", revision=revision))
        except HfHubHTTPError as error:
            if optional:
                return []
            status = error.response.status_code if error.response is not None else "no answer"
            raise NotFound(
                f"dataset {self.name!r} on the Hub: {status} ({_first_line(error)}); {_NEXT_STEP}"
            ) from error
        except (httpx2.HTTPError, OfflineModeIsEnabled, HFValidationError, OSError) as error:
            raise NotFound(f"the Hub cannot be asked for {self.name!r} ({_first_line(error)}): {_NEXT_STEP}") from error

    def read(self, path: str) -> bytes:
        """See Tree."""
        file = self.local(path)
        if file.stat().st_size > MAX_FILE_BYTES:
            raise InvalidInput(f"larger than {MAX_FILE_BYTES:,} bytes")
        return file.read_bytes()

    def local(self, path: str) -> Path:
        """See Tree; downloads into the Hub client's cache, where it stays, and continues a download cut short."""
        import httpx2
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

        try:
            return Path(
                hf_hub_download(self.name, path, repo_type="dataset", revision=self._revision, endpoint=self._endpoint)
            )
        except (HfHubHTTPError, LocalEntryNotFoundError, httpx2.HTTPError, OSError) as error:
            raise InvalidInput(
                f"{path} of {self.name} cannot be downloaded ({_first_line(error)}): {_NEXT_STEP}"
            ) from error

    def close(self) -> None:
        """Nothing is open."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open."""


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
