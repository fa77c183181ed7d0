"""The fake `trtllm-llmapi-launch`: what each rank of several nodes runs. It serves on rank 0, and computes nothing on the others.

As NVIDIA's it takes its words apart at spaces, and takes the MPI's own variables from the server.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence

_OF_MPI = ("OMPI_", "PMIX_", "PMI_", "SLURM_", "MPI_", "UCX_")


def servers(environment: Mapping[str, str]) -> dict[str, str]:
    """A server's environment."""
    return {name: value for name, value in environment.items() if not name.startswith(_OF_MPI)}


def main(words: Sequence[str]) -> int:
    """Say which rank this is; serve on the first, and be there on the others."""
    rank, size = (int(os.environ[f"OMPI_COMM_WORLD_{name}"]) for name in ("RANK", "SIZE"))
    print(f"rank {rank} of {size} on {os.uname().nodename}", flush=True)
    if rank:
        signal.pause()
        return 0
    command = " ".join(words).split()
    return subprocess.run(command, env=servers(os.environ), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
