"""The custom resource: pydantic types, names, conditions, and the CRD generated from them."""
