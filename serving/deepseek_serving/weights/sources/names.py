"""The text of a source as what fetches from it."""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from deepseek_serving.weights.errors import Permanent, Reason
from deepseek_serving.weights.listing import Source
from deepseek_serving.weights.transport import Transport

FORMS = """\
hf://organisation/name[@revision]           a Hugging Face repository; HF_ENDPOINT names a mirror
s3://bucket[/prefix]                        all objects under a prefix; AWS_ENDPOINT_URL names a store
oci://registry/repository[:tag|@digest]     an ORAS artefact or a modelcar image
https://host/path/file.tar#sha256=DIGITS    a .tar or .tar.gz archive of the model's folder
https://host/path/SHA256SUMS#sha256=DIGITS  a list in sha256sum's format, of files beside it"""


def open_source(text: str, *, environment: Mapping[str, str], transport: Transport) -> Source:
    """What fetches from the source; Permanent with the accepted forms otherwise.

    The libraries are imported only where they are used: each costs memory.
    """
    if match := re.fullmatch(r"hf://([^/@\s]+/[^/@\s]+)(?:@(\S+))?", text):
        from deepseek_serving.weights.sources import hub  # noqa: PLC0415

        return hub.HubSource(match[1], match[2], environment=environment, transport=transport)
    if match := re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]+)/*((?:[^/\s]+/*)*)", text):
        from deepseek_serving.weights.sources import s3  # noqa: PLC0415

        prefix = match[2].rstrip("/")
        return s3.S3Source(match[1], prefix, environment=environment, transport=transport)
    if match := re.fullmatch(
        r"oci://([^/@\s]+)/([a-z0-9][a-z0-9._/-]*?)(?::([\w.-]+))?(?:@(sha256:[0-9a-f]{64}))?", text
    ):
        from deepseek_serving.weights.sources import registry  # noqa: PLC0415

        return registry.RegistrySource(
            match[1],
            match[2],
            match[4] or match[3] or "latest",
            environment=environment,
            transport=transport,
        )
    if match := re.fullmatch(r"(https://[^#@?\s]+)#sha256=([0-9a-fA-F]{64})", text):
        from deepseek_serving.weights.sources import web  # noqa: PLC0415

        return web.WebSource(match[1], match[2].lower(), transport=transport)
    raise Permanent(Reason.INVALID_SOURCE, _complaint(text))


def _complaint(text: str) -> str:
    """Why it is no source, without what may be a secret in it."""
    shown = re.sub(r"//[^/@\s]*@|\?[^#\s]*", lambda part: part[0][0:2] + "...", text)
    if urlsplit(text).scheme == "https":
        return (
            f"source {shown}: an https source is a public address without user and query, and"
            " ends in #sha256= and the 64 digits of the file's SHA-256"
        )
    return f"source {shown} is none of: " + "; ".join(
        line.split("  ")[0] for line in FORMS.splitlines()
    )
