"""Takes a pod's requests in place of an engine that takes no middleware, in a container of ours beside it."""
