"""What is read of PodMonitors, and what is made of a cluster that has none, or does not let them be read."""

import pytest

from deepseek_operator.observe import observe
from deepseek_operator.observed import Monitoring
from tests.unit.fake_api import Call, FakeApi
from tests.unit.samples import CPU_SPEC, Manifest, deepseek
from tests.unit.test_reconcile import put_child, put_object

MONITORS = "/apis/monitoring.coreos.com/v1/namespaces/team/podmonitors"
STORED: Manifest = {"observedGeneration": 1}
ASKED = Monitoring({"release": "prometheus"})


def put_monitor(api: FakeApi, name: str = "chat", *, owner: str = "uid-of-chat") -> None:
    put_child(api, MONITORS, "PodMonitor", name, owner=owner)


async def test_the_objects_own_is_read() -> None:
    api = FakeApi()
    put_object(api)
    put_monitor(api)
    put_monitor(api, "theirs", owner="another")

    observed = await observe(api.kube(), deepseek(**CPU_SPEC), stored=STORED, monitoring=ASKED)

    assert [one["metadata"]["name"] for one in observed.monitors] == ["chat"]
    assert observed.monitoring == ASKED
    assert observed.monitors[0] in observed.children


@pytest.mark.parametrize("code", ["404", "403"])
async def test_where_they_cannot_be_read_none_is_made(code: str) -> None:
    def fault(call: Call) -> str | None:
        return code if "/podmonitors" in call.path else None

    api = FakeApi(fault=fault)
    put_object(api)

    observed = await observe(api.kube(), deepseek(**CPU_SPEC), stored=STORED, monitoring=ASKED)

    assert observed.monitoring is None
    assert observed.monitors == ()


@pytest.mark.parametrize(
    ("stored", "monitoring"),
    [
        pytest.param(STORED, None, id="nobody-asks-for-it"),
        pytest.param({}, ASKED, id="a-new-object-has-no-children"),
    ],
)
async def test_nothing_is_asked(stored: Manifest, monitoring: Monitoring | None) -> None:
    api = FakeApi()
    put_object(api)

    observed = await observe(api.kube(), deepseek(**CPU_SPEC), stored=stored, monitoring=monitoring)

    assert observed.monitoring is None
    assert not any("/podmonitors" in call.path for call in api.calls)
