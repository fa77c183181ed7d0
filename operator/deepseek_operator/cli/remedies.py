"""What failed against a cluster, in one sentence with what to do about it. Pure."""

import argparse

from deepseek_operator.kube.client import NoKubeconfigError
from deepseek_operator.kube.errors import ApiError, UnreachableError


def told(error: Exception, options: argparse.Namespace) -> str:
    """The sentence; of errors that have their remedy in them it is their text."""
    without = ""
    if options.verb == "plan" and not options.accelerators:
        without = ", or plan without a cluster: --accelerators 16xH200:8"
    if isinstance(error, UnreachableError):
        return f"the API server gave no answer ({error}); check --context and --kubeconfig{without}"
    if isinstance(error, NoKubeconfigError):
        return f"{error}; name a file by --kubeconfig and one of its contexts by --context{without}"
    if isinstance(error, ApiError):
        return f"{_said(error)}{without}"
    return str(error)


def _said(error: ApiError) -> str:
    message = " ".join(error.message.split())
    if error.code == 401:
        return "the API server does not accept these credentials; log in again, or choose others by --context"
    if error.code == 403:
        return f"not permitted: {message}; ask for the permission, or choose other credentials by --context"
    return f"the API server answered {error.code} {error.reason}: {message}; try again, or look at its log"
