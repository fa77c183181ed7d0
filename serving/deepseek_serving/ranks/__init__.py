"""Starts the ranks of an engine that is launched by Open MPI over several pods, without SSH between them."""
