"""Who may use a gateway, how often, and over what: API keys and TLS."""

from typing import Annotated

from pydantic import Field

from deepseek_operator.api.base import ApiModel

PerMinute = Annotated[int, Field(ge=1, le=1_000_000)]

_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"


class ClientLimit(ApiModel):
    """What one client may do, whatever is said of each."""

    client: str = Field(
        min_length=1,
        max_length=63,
        pattern=r"^[-._a-zA-Z0-9]+$",
        description="Its entry in the Secret.",
    )
    requests_per_minute: PerMinute = Field(
        description="Requests that each gateway replica takes of it in a minute."
    )


class ApiKeys(ApiModel):
    """Only clients with a key are served: `Authorization: Bearer KEY`."""

    secret_name: str = Field(
        min_length=1,
        max_length=253,
        pattern=_NAME,
        description="Secret of this namespace with one entry a client: its name, and its key of 16 to "
        "512 visible ASCII characters; several keys stand one a line. A change takes effect within "
        "about a minute, and no request is lost.",
    )
    requests_per_minute: PerMinute | None = Field(
        default=None,
        description="Requests that each gateway replica takes of each client in a minute; more are "
        "answered 429 with Retry-After. Default: any number.",
    )
    limits: list[ClientLimit] = Field(
        default_factory=list,
        max_length=100,
        description="Clients with a limit of their own.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["client"],
        },
    )


class Tls(ApiModel):
    """Clients reach the gateway over TLS 1.2 or 1.3 at port 443 too."""

    secret_name: str = Field(
        min_length=1,
        max_length=253,
        pattern=_NAME,
        description="Secret of this namespace of type kubernetes.io/tls, for the names that clients "
        "use, such as NAME.NAMESPACE.svc. A renewed certificate is shown to new connections within "
        "about a minute; none is closed.",
    )
    only: bool | None = Field(
        default=None,
        description="Close port 80, as soon as every gateway replica answers at 443. Default: false.",
    )
