"""Write what each release stores anew, from its own commit: `python -m tests.releases [VERSION...]`.

It stands in `tests/golden/releases`, and is written once, when a release is made: later versions have to go on with it.
"""

import argparse
import json
import os
import subprocess
import sys

import yaml

from dev import releases, steps
from dev.paths import REPOSITORY
from dev.releases import Release
from tests.releases.recorded import DEFINITION, VALUES, folder_of

RECORDING = REPOSITORY / "tests" / "releases" / "recording.py"
COPIED = {
    DEFINITION: "crds/deepseekdeployments.yaml",
    VALUES: "charts/deepseek-operator/values.yaml",
}
"""Files of a release as they are, with their paths in it."""


def record(release: Release) -> dict[str, str]:
    """The files of a release by name; StepError where its own code does not run."""
    releases.unpack(release)
    roots = [release.tree, release.tree / "operator", release.tree / "serving"]
    done = subprocess.run(
        [sys.executable, RECORDING],
        cwd=release.tree,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots))},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise steps.StepError(f"release {release.version}: {done.stderr}")
    header = f"# Stored by release {release.version}, written by `python -m tests.releases`; never changed.\n"
    scenes = {
        f"{name}.yaml": header + yaml.safe_dump(scene, sort_keys=False, width=100)
        for name, scene in json.loads(done.stdout).items()
    }
    copied = {name: (release.tree / path).read_text() for name, path in COPIED.items()}
    return {**scenes, **copied}


def program() -> int:
    """The command line."""
    known = {release.version: release for release in releases.all_releases()}
    parser = argparse.ArgumentParser(prog="python -m tests.releases", description=__doc__)
    parser.add_argument("version", nargs="*", help="releases (default: all)")
    versions = parser.parse_args().version or list(known)
    if unknown := sorted(set(versions) - set(known)):
        parser.error(f"no release: {', '.join(unknown)}")
    for version in versions:
        with steps.step(f"record what {version} stores"):
            files = record(known[version])
            folder = folder_of(version)
            folder.mkdir(parents=True, exist_ok=True)
            for name, text in files.items():
                (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    steps.main(program)
