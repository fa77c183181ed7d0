"""A repository of a Hugging Face hub or a mirror of it: hf://organisation/name[@revision]."""

from collections.abc import Mapping
from typing import Any

import httpx2
import huggingface_hub
from huggingface_hub import errors as hub_errors
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from deepseek_serving.weights import refusals, transport
from deepseek_serving.weights.errors import FetchError, Permanent, Reason, Temporary
from deepseek_serving.weights.listing import (
    Checksum,
    Download,
    Listing,
    RemoteFile,
    checked_path,
)
from deepseek_serving.weights.transport import Refusal, Transport

LISTING_SECONDS = 60.0
PUBLIC_ENDPOINT = "https://huggingface.co"


class HubSource:
    """One repository at one revision."""

    def __init__(
        self,
        repository: str,
        revision: str | None,
        *,
        environment: Mapping[str, str],
        transport: Transport,
    ) -> None:
        self.name = f"hf://{repository}" + (f"@{revision}" if revision else "")
        self._repository = repository
        self._revision = revision
        self._resolved = revision or "main"
        # A Secret made from a file often ends in a newline.
        self._token = environment.get("HF_TOKEN", "").strip() or None
        self._endpoint = (environment.get("HF_ENDPOINT") or PUBLIC_ENDPOINT).rstrip("/")
        self._transport = transport

    def listing(self) -> Listing:
        """All files of the revision, with what the hub says about their content."""
        info = self._info()
        if info.sha is None or info.siblings is None:
            raise Temporary(Reason.SERVER_ERROR, f"{self._endpoint} lists no files: incomplete")
        self._resolved = info.sha
        return Listing(info.sha, tuple(_file(sibling) for sibling in info.siblings))

    def with_checksum(self, file: RemoteFile) -> RemoteFile:
        """The file itself: the listing says all."""
        return file

    def locate(self, file: RemoteFile) -> Download:
        """The hub's own address; it may redirect to a store elsewhere."""
        url = huggingface_hub.hf_hub_url(
            self._repository, file.path, revision=self._resolved, endpoint=self._endpoint
        )
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return Download(url, headers)

    def renew(self) -> None:
        """Nothing: a hub's token does not run out."""

    def advice(self, status: int) -> str:
        """What a person does about it."""
        if status == 404:
            return "check organisation, name and revision for spelling"
        if self._token is None:
            return (
                "the repository is private or gated, or its name is wrong: put a token that may"
                " read it into the Secret (HF_TOKEN), or correct the name"
            )
        return "the token (HF_TOKEN) is not valid or may not read this repository: replace it"

    def _info(self) -> ModelInfo:
        api = huggingface_hub.HfApi(endpoint=self._endpoint, token=self._token or False)
        try:
            return api.model_info(
                self._repository,
                revision=self._revision,
                files_metadata=True,
                timeout=LISTING_SECONDS,
            )
        except hub_errors.HFValidationError as error:
            raise Permanent(Reason.INVALID_SOURCE, f"{self.name}: {error}") from None
        except hub_errors.HfHubHTTPError as error:
            raise self._refused(error) from None
        except (httpx2.HTTPError, OSError) as error:
            raise self._transport.explain(error, self._endpoint) from None
        except (ValueError, TypeError, KeyError):
            raise Temporary(
                Reason.SERVER_ERROR, f"{self._endpoint} answers with no listing of {self.name}"
            ) from None

    def _refused(self, error: hub_errors.HfHubHTTPError) -> FetchError:
        answer: Any = error.response
        headers = {name.lower(): text for name, text in answer.headers.items()}
        host = transport.host_of(self._endpoint)
        refusal = Refusal(answer.status_code, headers, host)
        return refusals.explain(refusal, what=self.name, advice=self.advice)


def _file(sibling: RepoSibling) -> RemoteFile:
    """What the hub says: SHA-256 for large files, git's own name of the content for the others."""
    checksum = None
    if sibling.lfs is not None:
        checksum = Checksum("sha256", sibling.lfs.sha256)
    elif sibling.blob_id:
        checksum = Checksum("git-sha1", sibling.blob_id)
    if sibling.size is None or checksum is None:
        raise Permanent(
            Reason.INVALID_SOURCE,
            f"the hub states no size and checksum of {sibling.rfilename}: it may be a mirror that"
            " leaves them out (the blobs parameter); set HF_ENDPOINT to another",
        )
    return RemoteFile(checked_path(sibling.rfilename), sibling.size, checksum)
