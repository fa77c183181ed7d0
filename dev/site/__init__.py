"""The site of the documentation: `make site` builds it with MkDocs from the pages as they stand in the repository."""
