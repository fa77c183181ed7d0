"""`pod.affinity`: handed on to the pods as it was written, and the key of a revision is made of it so."""

from typing import Annotated, Any

from pydantic import GetJsonSchemaHandler

from deepseek_operator.api.schema import Schema, structural_schema


class _SchemaOfKubernetes:
    """Of what has the form of an Affinity. Its types are made where a schema is asked for: they take long to make."""

    def __get_pydantic_json_schema__(self, _core: Any, _handler: GetJsonSchemaHandler) -> Schema:
        from deepseek_operator.api.affinity_schema import AffinitySchema  # noqa: PLC0415 - only here

        return structural_schema(AffinitySchema)


Affinity = Annotated[dict[str, Any], _SchemaOfKubernetes()]
"""An affinity as it was written."""
