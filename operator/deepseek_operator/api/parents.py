"""The Gateway of somebody else that an object's HTTPRoute joins (gateway.provider: GatewayAPI)."""

from typing import Annotated

from pydantic import Field

from deepseek_operator.api.base import ApiModel

_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"

Hostname = Annotated[
    str,
    Field(
        min_length=1,
        max_length=253,
        pattern=r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
    ),
]


class ParentRef(ApiModel):
    """A Gateway (gateway.networking.k8s.io/v1), whoever runs it."""

    name: str = Field(
        min_length=1, max_length=253, pattern=_NAME, description="Name of the Gateway."
    )
    namespace: str | None = Field(
        default=None,
        min_length=1,
        max_length=63,
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        description="Its namespace; its listener has to allow routes of this object's. Default: this "
        "object's namespace.",
    )
    section_name: str | None = Field(
        default=None,
        min_length=1,
        max_length=253,
        pattern=_NAME,
        description="One of its listeners. Default: every one that allows the route.",
    )
