"""After what happened on the cluster: nobody of ours ever asked the API server for what he may not.

Its name has it run before test_9_upgrade, where helm gives the role of another release to an operator that still runs.
"""

import json
from collections import defaultdict
from collections.abc import Iterator

from dev.demo.__main__ import NAMESPACE
from dev.kubectl import RELEASE, RELEASE_NAMESPACE
from tests.cluster import releases
from tests.e2e.line import Line, Manifest

ACCOUNT = "system:serviceaccount:"
OURS = (f"{ACCOUNT}{NAMESPACE}:", f"{ACCOUNT}{RELEASE_NAMESPACE}:")


def recorded(line: Line) -> Iterator[Manifest]:
    """Every request to the API server since the cluster was started, as it recorded them."""
    assert line.target.embedded is not None
    for file in line.target.embedded.logs.glob("audit*.log"):
        with file.open() as rows:
            yield from map(json.loads, rows)


def test_no_account_of_ours_was_refused_what_it_may_not(line: Line) -> None:
    calls: dict[str, list[Manifest]] = defaultdict(list)
    for entry in recorded(line):
        user = entry["user"].get("username", "")
        if user.startswith(OURS):
            calls[user.removeprefix(ACCOUNT)].append(entry)

    refused = {user: releases.forbidden(made) for user, made in calls.items()}
    assert {user: uris for user, uris in refused.items() if uris} == {}
    operator = f"{RELEASE_NAMESPACE}:{RELEASE}"
    assert operator in calls
    gateways = [user for user in calls if user.endswith("-gateway")]
    assert gateways
    for user in (operator, *gateways):
        print(f"\n{user} used {len(releases.used(calls[user]))} permissions", end="")
