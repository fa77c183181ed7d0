"""Mutants of what objects of earlier releases and clients of theirs go by, and of traces."""

from tests.mutants.patch import Mutant

_COMPATIBILITY = "tests/unit/dev/test_compatibility.py"
_GO_ON = f"{_COMPATIBILITY}::test_objects_and_clients_of_every_release_go_on"
_UPGRADES = "tests/unit/test_upgrades.py"
_TRACING = "tests/unit/serving/gateway/test_tracing.py"
_TRACED = "tests/unit/build/test_tracing.py"

RELEASED = (
    Mutant(
        name="a-bound-is-tighter-than-it-was",
        breaks="an object of a release with a thousand replicas is refused",
        file="api/serving.py",
        old='    replicas: Annotated[int, Field(ge=0, le=1000)] = Field(\n        default=1,\n        description="Engine replicas. 0',
        new='    replicas: Annotated[int, Field(ge=0, le=100)] = Field(\n        default=1,\n        description="Engine replicas. 0',
        caught_by=(_GO_ON,),
    ),
    Mutant(
        name="a-default-is-another-than-it-was",
        breaks="an object that says nothing of its strategy rolls out otherwise than under the release before",
        file="api/traffic.py",
        old='    strategy: Literal["BlueGreen", "Canary", "Replace", "Auto"] = Field(\n        default="BlueGreen",',
        new='    strategy: Literal["BlueGreen", "Canary", "Replace", "Auto"] = Field(\n        default="Canary",',
        caught_by=(_GO_ON,),
    ),
    Mutant(
        name="a-field-has-gone",
        breaks="what an object of a release says of its first rollout is dropped in silence",
        file="api/traffic.py",
        old="    skip_initial: bool | None = Field(",
        new="    skips_initial: bool | None = Field(",
        caught_by=(_GO_ON, f"{_UPGRADES}::test_it_is_valid_as_it_is_stored_and_as_it_is_read"),
    ),
    Mutant(
        name="a-new-field-writes-itself-into-objects",
        breaks="a server adds a field to every object of a release",
        file="api/traffic.py",
        old='    tracing: Literal["Enabled", "Disabled"] | None = Field(\n        default=None,',
        new='    tracing: Literal["Enabled", "Disabled"] | None = Field(\n        default="Enabled",',
        caught_by=(
            f"{_UPGRADES}::test_a_server_of_today_adds_nothing_that_the_release_did_not_have",
        ),
    ),
    Mutant(
        name="keys-of-another-version",
        breaks="an upgrade makes a new revision of every object",
        file="rollout/revisions.py",
        old="KEY_VERSION = 1\n",
        new="KEY_VERSION = 2\n",
        caught_by=(
            f"{_UPGRADES}::test_its_revisions_have_the_keys_that_they_had",
            f"{_UPGRADES}::test_the_first_pass_over_it_makes_no_revision_and_touches_no_pod",
        ),
    ),
    Mutant(
        name="owners-of-one-version-alone",
        breaks="nobody hears of a claim whose owner is named in another version of the API",
        file="watch.py",
        old='        and str(owner.get("apiVersion")).startswith(f"{names.GROUP}/")\n',
        new='        and owner.get("apiVersion") == names.API_VERSION\n',
        caught_by=("tests/unit/test_watch.py",),
    ),
    Mutant(
        name="paths-in-spans",
        breaks="what clients put into a path or a query stands in traces",
        file="serving/deepseek_serving/gateway/tracing.py",
        old='            "max_path_tag_length": 0,\n',
        new="",
        caught_by=(f"{_TRACING}::test_every_listener_has_spans_made_and_sent",),
    ),
    Mutant(
        name="callers-traces-end-here",
        breaks="of requests that are traced already only a share is traced on",
        file="serving/deepseek_serving/gateway/tracing.py",
        old='    return _sampled_by("parent_based", "ParentBased", wrapped_sampler=share)\n',
        new="    return share\n",
        caught_by=(f"{_TRACING}::test_every_listener_has_spans_made_and_sent",),
    ),
    Mutant(
        name="drains-for-spans",
        breaks="what is sent to a collector is taken for a user's request",
        file="serving/deepseek_serving/gateway/counts.py",
        old='            and matched["name"] not in ("agent", tracing.COLLECTOR)\n',
        new='            and matched["name"] not in ("agent",)\n',
        caught_by=(f"{_TRACING}::test_exports_are_nobodys_requests",),
    ),
    Mutant(
        name="traces-against-the-object",
        breaks="an object that wants no traces has them",
        file="build/gateway_document.py",
        old='    if tracing is None or deployment.spec.gateway.tracing == "Disabled":\n',
        new="    if tracing is None:\n",
        caught_by=(f"{_TRACED}::test_else_they_are_told_nothing_of_it",),
    ),
    Mutant(
        name="every-engine-reaches-the-collector",
        breaks="engines that send no spans may reach the collector",
        file="build/policies.py",
        old="        return self.is_traced and any(flag.startswith(_ENGINES_SPANS) for flag in flags)\n",
        new="        return self.is_traced or any(flag.startswith(_ENGINES_SPANS) for flag in flags)\n",
        caught_by=(f"{_TRACED}::test_only_gateways_reach_only_the_collector",),
    ),
)
