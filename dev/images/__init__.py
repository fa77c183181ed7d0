"""Container images without a registry: built by buildah from the Dockerfiles, kept as OCI archives."""
