"""Objects under a prefix of an S3 bucket: s3://bucket/prefix."""

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import botocore
import botocore.session
from botocore import exceptions
from botocore.config import Config

from deepseek_serving.weights import checksums, refusals
from deepseek_serving.weights import transport as transports
from deepseek_serving.weights.errors import FetchError, Permanent, Reason
from deepseek_serving.weights.listing import (
    Checksum,
    Download,
    Listing,
    RemoteFile,
    checked_path,
)
from deepseek_serving.weights.transport import Refusal, Transport

ADDRESS_SECONDS = 3600
PAGE_OBJECTS = 1000
CHECKSUMS = {
    "ChecksumSHA256": "sha256",
    "ChecksumSHA1": "sha1",
    "ChecksumCRC64NVME": "crc64nvme",
    "ChecksumCRC32C": "crc32c",
    "ChecksumCRC32": "crc32",
}
"""In the order in which they are preferred."""


class S3Source:
    """A prefix of a bucket, with the credentials that the environment or the pod's account gives."""

    def __init__(
        self, bucket: str, prefix: str, *, environment: Mapping[str, str], transport: Transport
    ) -> None:
        self.name = f"s3://{bucket}/{prefix}".rstrip("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._transport = transport
        self._endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get(
            "AWS_ENDPOINT_URL"
        )
        self._environment = environment
        self._client: Any = None

    def listing(self) -> Listing:
        """All objects under the prefix; the revision is a sum of what they say of themselves."""
        objects = list(self._objects())
        if not objects:
            raise Permanent(
                Reason.NOT_FOUND, f"{self.name} holds no object: check bucket and prefix"
            )
        text = json.dumps([[file.path, file.size, etag] for file, etag in objects])
        revision = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        return Listing(revision, tuple(file for file, _ in objects))

    def with_checksum(self, file: RemoteFile) -> RemoteFile:
        """The file with the best checksum that its object states."""
        head = self._call("head_object", Key=file.locator, ChecksumMode="ENABLED")
        first = None
        if re.search(r"-\d+$", head.get("ETag", "").strip('"')):
            # A store that does not know the parts any more answers with the whole object.
            length = self._call("head_object", Key=file.locator, PartNumber=1)["ContentLength"]
            first = length if length < file.size else None
        checksum = stated_checksum(head, size=file.size, first_part=first)
        if checksum is None:
            raise Permanent(
                Reason.INVALID_SOURCE,
                f"s3://{self._bucket}/{file.locator} states no checksum of its content (with KMS"
                " the ETag is none): upload it again with --checksum-algorithm SHA256",
            )
        return RemoteFile(file.path, file.size, checksum, file.locator)

    def locate(self, file: RemoteFile) -> Download:
        """A signed address for the next hour."""
        parameters = {"Bucket": self._bucket, "Key": file.locator}
        try:
            url = self._connected().generate_presigned_url(
                "get_object", Params=parameters, ExpiresIn=ADDRESS_SECONDS
            )
        except exceptions.BotoCoreError as error:
            raise self._explain(error) from None
        return Download(url)

    def renew(self) -> None:
        """Sign with fresh credentials."""
        self._client = None

    def advice(self, status: int) -> str:
        """What a person does about it."""
        if status == 404:
            return "check bucket and prefix, and AWS_ENDPOINT_URL where it is not Amazon's"
        if status in (301, 400):
            return "check AWS_REGION and AWS_ENDPOINT_URL"
        return (
            "the credentials (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) are wrong, have expired or"
            " may not do s3:ListBucket and s3:GetObject here"
        )

    def _objects(self) -> Iterator[tuple[RemoteFile, str]]:
        token: dict[str, str] = {}
        while True:
            page = self._call("list_objects_v2", Prefix=self._prefix, MaxKeys=PAGE_OBJECTS, **token)
            for item in page.get("Contents", []):
                path = item["Key"].removeprefix(self._prefix)
                if path and not path.endswith("/"):
                    file = RemoteFile(checked_path(path), item["Size"], None, item["Key"])
                    yield file, item.get("ETag", "")
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def _call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = getattr(self._connected(), operation)(
                Bucket=self._bucket, **parameters
            )
        except (exceptions.BotoCoreError, exceptions.ClientError) as error:
            raise self._explain(error) from None
        return answer

    def _explain(self, error: Exception) -> FetchError:
        if isinstance(error, exceptions.ClientError):
            answer = error.response.get("ResponseMetadata", {})
            host = transports.host_of(self._endpoint or "https://s3.amazonaws.com")
            refusal = Refusal(answer.get("HTTPStatusCode", 0), answer.get("HTTPHeaders", {}), host)
            return refusals.explain(refusal, what=self.name, advice=self.advice)
        if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
            return Permanent(Reason.UNAUTHORIZED, f"{self.name}: {self.advice(403)}")
        if isinstance(error, (exceptions.HTTPClientError, exceptions.ConnectionError)):
            return self._transport.explain(
                error, self._endpoint or f"https://{self._bucket}.s3.amazonaws.com"
            )
        return Permanent(Reason.INVALID_SOURCE, f"{self.name}: {error}")

    def _connected(self) -> Any:
        if self._client is None:
            try:
                self._client = self._connect()
            except ValueError as error:  # so botocore refuses an address
                raise Permanent(Reason.INVALID_SOURCE, f"{error}: check AWS_ENDPOINT_URL") from None
        return self._client

    def _connect(self) -> Any:
        session = botocore.session.get_session()
        known = session.get_credentials() is not None
        region = self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION")
        authorities = (
            self._environment.get("AWS_CA_BUNDLE")
            or self._environment.get("SSL_CERT_FILE")
            or ssl.get_default_verify_paths().cafile
        )
        return session.create_client(
            "s3",
            region_name=region or "us-east-1",
            endpoint_url=self._endpoint or None,
            verify=authorities,
            config=Config(
                signature_version="s3v4" if known else botocore.UNSIGNED,
                # Stores other than Amazon's seldom have a name for every bucket.
                s3={"addressing_style": "path" if self._endpoint else "auto"},
                retries={"total_max_attempts": 1},
                connect_timeout=transports.CONNECT_SECONDS,
            ),
        )


def stated_checksum(
    head: Mapping[str, Any], *, size: int, first_part: int | None
) -> Checksum | None:
    """The best checksum in an object's head; None where it states none of its content.

    Uploads in parts state a checksum of the parts' checksums, and an ETag that is one of MD5 sums.
    Objects under KMS or a customer's key have an ETag that only looks like a checksum.
    """
    for name, algorithm in CHECKSUMS.items():
        text, _, count = str(head.get(name, "")).partition("-")
        if text and not count:
            return Checksum(algorithm, base64.b64decode(text).hex())
    etag = str(head.get("ETag", "")).strip('"').lower()
    encrypted = str(head.get("ServerSideEncryption", "AES256")) != "AES256"
    if encrypted or "SSECustomerAlgorithm" in head:
        return None
    if re.fullmatch(r"[0-9a-f]{32}", etag):
        return Checksum("md5", etag)
    if match := re.fullmatch(r"[0-9a-f]{32}-(\d+)", etag):
        part = checksums.part_bytes(size=size, count=int(match[1]), first=first_part)
        return Checksum("md5-of-parts", etag, part) if part else None
    return None
