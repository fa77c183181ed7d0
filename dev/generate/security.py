"""Who may reach whom, and what is warned of, in the page on security."""

from deepseek_operator.api.warnings import WARNINGS
from deepseek_operator.build.policies import WAYS, Party, Way
from deepseek_operator.engines.contract import Policies
from dev.generate import markdown

WAYS_MARKS = markdown.marks("ways")
WARNINGS_MARKS = markdown.marks("warnings")
_NAME = "docs/security.md"


def render(page: str) -> str:
    """The page with both of its tables renewed."""
    for (begin, end), text in ((WAYS_MARKS, _ways()), (WARNINGS_MARKS, _warnings())):
        before, after = markdown.around(page, begin, end, name=_NAME)
        page = f"{before}{text}{after}"
    return page


def _ways() -> str:
    rows = [(way.source, way.target, _ports(way), way.why, way.of) for way in WAYS]
    return markdown.table(("From", "To", "Ports", "For", "Of which objects"), rows)


def _ports(way: Way) -> str:
    if way.target is Party.API_SERVER:
        usual = ", ".join(map(str, Policies("").api_server_ports))
        return f"{usual} (networkPolicies.apiServerPorts)"
    if way.target is Party.DNS:
        usual = ", ".join(map(str, Policies("").dns_ports))
        return f"{usual} (networkPolicies.dnsPorts)"
    if way.target is Party.JUDGE:
        return "that of its URL"
    if way.target is Party.COLLECTOR:
        return "that of tracing.endpoint"
    return ", ".join(map(str, way.ports)) or "all"


def _warnings() -> str:
    rows = [(markdown.code(one.name), one.message, _where(one.of_each_block)) for one in WARNINGS]
    return markdown.table(("Name", "Message", "Asked of"), rows)


def _where(of_each_block: bool) -> str:
    return "spec, rollout.from, fallback" if of_each_block else "spec"
