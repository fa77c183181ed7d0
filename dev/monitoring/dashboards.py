"""The dashboards: an object, its Canary side by side, its engines, and the operator. Pure data."""

from dev.monitoring.panels import Dashboard, Panel, Query, Variable

_OBJECT = 'namespace="$namespace", name="$name"'
_EACH = "[$__rate_interval]"

_NAMESPACE = Variable("namespace", "label_values(deepseek_operator_condition, namespace)")
_NAME = Variable("name", 'label_values(deepseek_operator_condition{namespace="$namespace"}, name)')
_REVISION = Variable(
    "revision",
    f"label_values(deepseek_operator_revision_info{{{_OBJECT}}}, revision)",
    is_many=True,
)
_JOB = Variable("job", "label_values(deepseek_operator_leader, job)")


def _quantile(share: float, series: str, by: str = "") -> str:
    """Of a histogram of vLLM's or the gateway's; `series` is its name with what it is chosen by."""
    labels = f"le, {by}" if by else "le"
    buckets = series.replace("{", "_bucket{", 1)
    return f"histogram_quantile({share}, sum by ({labels}) (rate({buckets}{_EACH})))"


def _condition(kind: str) -> str:
    return f'max(deepseek_operator_condition{{{_OBJECT}, type="{kind}"}})'


def _replicas(role: str, state: str) -> str:
    return f'sum(deepseek_operator_replicas{{{_OBJECT}, role="{role}", state="{state}"}})'


_FIRST_TOKEN = f"vllm:time_to_first_token_seconds{{{_OBJECT}}}"
_FIRST_TOKEN_TRTLLM = f"trtllm_time_to_first_token_seconds{{{_OBJECT}}}"

OVERVIEW = Dashboard(
    "deepseek-object",
    "DeepSeek object",
    "One DeepSeekDeployment: whether it serves, who answers, how fast, and what fails.",
    (_NAMESPACE, _NAME),
    (
        Panel("Ready", (Query(_condition("Ready")),), "1: users are served. 0: nobody is, and `kubectl get dsd` says why.", kind="stat", width=4, height=4),
        Panel("Stalled", (Query(_condition("Stalled")),), "1: a person must act.", kind="stat", width=4, height=4),
        Panel("Engines ready", (Query(_replicas("stable", "ready"), "ready"), Query(_replicas("stable", "wanted"), "wanted")), "Of the serving revision.", kind="stat", width=8, height=4),
        Panel("Gateways ready", (Query(_replicas("gateway", "ready"), "ready"), Query(_replicas("gateway", "wanted"), "wanted")), "None with a Gateway of others.", kind="stat", width=8, height=4),
        Panel("Conditions", (Query(f"deepseek_operator_condition{{{_OBJECT}}}"),), "Each with its reason, 1 where it is True; docs/troubleshooting.md has the reasons.", kind="table"),
        Panel("Revisions", (Query(f"deepseek_operator_revision_info{{{_OBJECT}}}"),), "Who serves, who is to, and who stands in.", kind="table"),
        Panel("Requests", (Query(f"sum by (code) (rate(deepseek_gateway_requests_total{{{_OBJECT}}}{_EACH}))", "{{code}}"),), "A second, by status; 0: the client had gone.", unit="reqps"),
        Panel("Failed requests", (Query(f"sum by (cause) (rate(deepseek_gateway_errors_total{{{_OBJECT}}}{_EACH}))", "{{cause}}"),), "A second, by cause: unreachable, timeout, cut and engine are faults of servers, overloaded is a full queue.", unit="reqps"),
        Panel(
            "Time to the first token",
            (
                Query(_quantile(0.5, _FIRST_TOKEN) + " or " + _quantile(0.5, _FIRST_TOKEN_TRTLLM), "half"),
                Query(_quantile(0.95, _FIRST_TOKEN) + " or " + _quantile(0.95, _FIRST_TOKEN_TRTLLM), "19 in 20"),
                Query(f"max(deepseek_operator_first_token_target_seconds{{{_OBJECT}}})", "target"),
            ),
            "As engines count it, by fixed edges; the target is workload.timeToFirstToken.",
            unit="s",
        ),
        Panel("Requests under way", (Query(f"sum by (revision) (deepseek_gateway_requests_in_flight{{{_OBJECT}}})", "{{revision}}"),), "By the revision whose turn it was."),
        Panel("Answers of the fallback", (Query(f"sum by (to, reason) (rate(deepseek_gateway_fallbacks_total{{{_OBJECT}}}{_EACH}))", "{{to}} {{reason}}"),), "A second, and why.", unit="reqps"),
        Panel("Further tries", (Query(f"sum by (revision) (rate(deepseek_gateway_retries_total{{{_OBJECT}}}{_EACH}))", "{{revision}}"),), "A second, on another pod, before the first byte.", unit="reqps"),
        Panel(
            "Replicas by autoscaling",
            (
                Query(f"max by (revision) (deepseek_operator_autoscaling_replicas{{{_OBJECT}}})", "{{revision}} wanted"),
                Query(f"max by (revision) (deepseek_operator_autoscaling_needed_replicas{{{_OBJECT}}})", "{{revision}} needed"),
                Query(_replicas("stable", "ready"), "ready"),
                Query(f"max by (bound) (deepseek_operator_autoscaling_bound_replicas{{{_OBJECT}}})", "{{bound}}"),
            ),
            "What the figures ask for is needed; wanted is within the bounds. Only with autoscaling.",
            width=8,
        ),
        Panel(
            "Requests that wait",
            (
                Query(f"sum(vllm:num_requests_waiting{{{_OBJECT}}})", "in engines"),
                Query(f"sum(deepseek_gateway_held_requests{{{_OBJECT}}})", "for a replica"),
            ),
            "In engines of vLLM for a place, which autoscaling counts; at gateways while a model that slept wakes (autoscaling.min: 0).",
            width=8,
        ),
        Panel(
            "Requests that found no replica",
            (Query(f"sum by (result) (rate(deepseek_gateway_held_total{{{_OBJECT}}}{_EACH}))", "{{result}}"),),
            "A second, by what became of them: full and late were refused. Only with autoscaling.min: 0.",
            unit="reqps",
            width=8,
        ),
        Panel("Requests by client", (Query(f"topk(10, sum by (client) (rate(deepseek_gateway_client_requests_total{{{_OBJECT}}}{_EACH})))", "{{client}}"),), "The ten with most; only with gateway.apiKeys.", unit="reqps"),
        Panel("Certificate", (Query(f"min(deepseek_gateway_certificate_expiry_timestamp_seconds{{{_OBJECT}}}) - time()", "ends in"),), "Only with gateway.tls.", unit="s"),
    ),
)  # fmt: skip


def _of(role: str, rates: str, by: str = "") -> str:
    """Rates by revision, of the one with a role alone."""
    role_is = f'max by (namespace, name, revision) (deepseek_operator_revision_info{{{_OBJECT}, role="{role}"}})'
    joined = f"{rates} * on (namespace, name, revision) group_left () {role_is}"
    return f"sum by ({by}) ({joined})" if by else f"sum({joined})"


def _rate(series: str) -> str:
    return f"rate({series}{{{_OBJECT}}}{_EACH})"


def _share(role: str, some: str, of: str) -> str:
    return f"{_of(role, _rate(some))} / {_of(role, _rate(of))}"


def _quantile_of(role: str, share: float, series: str) -> str:
    return f"histogram_quantile({share}, {_of(role, _rate(f'{series}_bucket'), by='le')})"


def _beside(title: str, about: str, unit: str, queries: dict[str, str]) -> list[Panel]:
    """The same of both revisions, the serving one left; `ROLE` in an expression is the revision's."""
    return [
        Panel(
            f"{title}: {role}",
            tuple(Query(text.replace("ROLE", role), legend) for legend, text in queries.items()),
            about,
            unit=unit,
        )
        for role in ("stable", "candidate")
    ]


CANARY = Dashboard(
    "deepseek-canary",
    "DeepSeek canary",
    "A rollout: its phase, its weight, how near the alarm is, and both revisions side by side.",
    (_NAMESPACE, _NAME),
    (
        Panel("Phase", (Query(f"deepseek_operator_rollout_phase{{{_OBJECT}}} == 1", "{{phase}} ({{reason}})"),), "Of the present or the last run, with its reason.", kind="table", width=8),
        Panel("Weight", (Query(f"max(deepseek_operator_rollout_weight{{{_OBJECT}}})", "candidate"),), "Percent of the requests that the candidate is to have.", unit="percent", width=8),
        Panel("Alarm", (Query(f"max by (metric) (deepseek_operator_rollout_alarm_ratio{{{_OBJECT}}})", "{{metric}}"),), "At 1 the traffic is taken back; nothing once it is decided.", unit="percentunit", width=8),
        *_beside("Requests", "A second, by status.", "reqps", {"{{code}}": _of("ROLE", _rate("deepseek_gateway_requests_total"), by="code")}),
        *_beside("Failed requests", "Of all that were its turn, the share that failed.", "percentunit", {"failed": _share("ROLE", "deepseek_gateway_errors_total", "deepseek_gateway_requests_total")}),
        *_beside("Time to the first byte", "As gateways count it; of a stream its first token.", "s", {"half": _quantile_of("ROLE", 0.5, "deepseek_gateway_first_byte_seconds"), "19 in 20": _quantile_of("ROLE", 0.95, "deepseek_gateway_first_byte_seconds")}),
        *_beside("Time to the first token", "As engines count it.", "s", {"vLLM": _quantile_of("ROLE", 0.95, "vllm:time_to_first_token_seconds"), "TensorRT-LLM": _quantile_of("ROLE", 0.95, "trtllm_time_to_first_token_seconds")}),
        *_beside("Time between tokens", "Of each finished request its mean; 19 in 20 are faster.", "s", {"vLLM": _quantile_of("ROLE", 0.95, "vllm:request_time_per_output_token_seconds"), "TensorRT-LLM": _quantile_of("ROLE", 0.95, "trtllm_time_per_output_token_seconds")}),
        *_beside("Finished answers", "A second, by what ended them: length is one that was cut at its limit.", "reqps", {"{{finished_reason}}": _of("ROLE", _rate("vllm:request_success_total"), by="finished_reason")}),
        *_beside("Requests that lost their place", "A second, for want of room in the cache.", "reqps", {"preemptions": _of("ROLE", _rate("vllm:num_preemptions_total"))}),
    ),
)  # fmt: skip


_ENGINE = f'{_OBJECT}, revision=~"$revision"'


def _engine(series: str) -> str:
    return f"{series}{{{_ENGINE}}}"


ENGINE = Dashboard(
    "deepseek-engine",
    "DeepSeek engine",
    "The engines of an object, pod by pod. Most of it vLLM alone tells.",
    (_NAMESPACE, _NAME, _REVISION),
    (
        Panel("Requests that run", (Query(f"sum by (pod) ({_engine('vllm:num_requests_running')})", "{{pod}}"),), "At once, in one step."),
        Panel("Requests that wait", (Query(f"sum by (pod) ({_engine('vllm:num_requests_waiting')})", "{{pod}}"),), "For a place; more than none for long: too few replicas."),
        Panel("Cache in use", (Query(f"max by (pod) ({_engine('vllm:kv_cache_usage_perc')})", "{{pod}}"),), "Near 100 % requests lose their place.", unit="percentunit"),
        Panel("Requests that lost their place", (Query(f"sum by (pod) (rate({_engine('vllm:num_preemptions_total')}{_EACH}))", "{{pod}}"),), "A second; each is computed anew.", unit="reqps"),
        Panel("Time to the first token", (Query(_quantile(0.95, _engine("vllm:time_to_first_token_seconds"), by="pod") + " or " + _quantile(0.95, _engine("trtllm_time_to_first_token_seconds"), by="pod"), "{{pod}}"),), "19 in 20 are faster.", unit="s"),
        Panel("Time between tokens", (Query(_quantile(0.95, _engine("vllm:inter_token_latency_seconds"), by="pod") + " or " + _quantile(0.95, _engine("trtllm_time_per_output_token_seconds"), by="pod"), "{{pod}}"),), "19 in 20 are faster: vLLM's steps, TensorRT-LLM's mean of each request.", unit="s"),
        Panel("Time in the queue", (Query(_quantile(0.95, _engine("vllm:request_queue_time_seconds"), by="pod"), "{{pod}}"),), "Of the time to the first token the part before it is computed; 19 in 20 wait less.", unit="s"),
        Panel("Finished answers", (Query(f"sum by (finished_reason) (rate({_engine('vllm:request_success_total')}{_EACH})) or sum by (finished_reason) (rate({_engine('trtllm_request_success_total')}{_EACH}))", "{{finished_reason}}"),), "A second, by what ended them.", unit="reqps"),
        Panel("Tokens of prompts", (Query(f"sum by (pod) (rate({_engine('vllm:prompt_tokens_total')}{_EACH}))", "{{pod}}"),), "A second."),
        Panel("Tokens of answers", (Query(f"sum by (pod) (rate({_engine('vllm:generation_tokens_total')}{_EACH}))", "{{pod}}"),), "A second."),
        Panel("Length of prompts", (Query(_quantile(0.5, _engine("vllm:request_prompt_tokens")), "half"), Query(_quantile(0.95, _engine("vllm:request_prompt_tokens")), "19 in 20")), "In tokens; what workload.inputTokens says is the mean."),
        Panel("Length of answers", (Query(_quantile(0.5, _engine("vllm:request_generation_tokens")), "half"), Query(_quantile(0.95, _engine("vllm:request_generation_tokens")), "19 in 20")), "In tokens; what workload.outputTokens says is the mean."),
        Panel("Prompts found in the cache", (Query(f"sum by (pod) (rate({_engine('vllm:prefix_cache_hits_total')}{_EACH})) / sum by (pod) (rate({_engine('vllm:prefix_cache_queries_total')}{_EACH}))", "{{pod}}"),), "Of the tokens of prompts the share that was not computed anew.", unit="percentunit"),
        Panel("Age of engines", (Query(f"time() - max by (pod) ({_engine('process_start_time_seconds')})", "{{pod}}"),), "Since the process began; one that falls was started anew.", unit="s"),
    ),
)  # fmt: skip


_OPERATORS = 'job="$job"'

OPERATOR = Dashboard(
    "deepseek-operator",
    "DeepSeek operator",
    "The operator itself: who leads, what waits, how passes end, and what the API server answers.",
    (_JOB,),
    (
        Panel("Leaders", (Query(f"sum(deepseek_operator_leader{{{_OPERATORS}}})"),), "1; 0: nothing is reconciled.", kind="stat", width=6, height=4),
        Panel("Objects that are ready", (Query('sum(deepseek_operator_condition{type="Ready"})'),), "Of all.", kind="stat", width=6, height=4),
        Panel("Objects that are not", (Query('count(deepseek_operator_condition{type="Ready"} == 0) or vector(0)'),), "With any reason.", kind="stat", width=6, height=4),
        Panel("Catalog documents refused", (Query(f'max(deepseek_operator_catalog_documents{{{_OPERATORS}, state="refused"}})'),), "Each has a mistake, which the log names.", kind="stat", width=6, height=4),
        Panel("Rollouts by phase", (Query('count by (phase) (deepseek_operator_rollout_phase{phase!~"Succeeded|RolledBack"} == 1)', "{{phase}}"),), "Those under way, of all objects."),
        Panel("Objects that are not ready, by reason", (Query('count by (reason) (deepseek_operator_condition{type="Ready"} == 0)', "{{reason}}"),), "Of all objects."),
        Panel("Passes", (Query(f"sum by (result) (rate(deepseek_operator_reconcile_passes_total{{{_OPERATORS}}}{_EACH}))", "{{result}}"),), "A second, by result.", unit="ops"),
        Panel("Duration of passes", (Query(_quantile(0.5, f"deepseek_operator_reconcile_seconds{{{_OPERATORS}}}"), "half"), Query(_quantile(0.99, f"deepseek_operator_reconcile_seconds{{{_OPERATORS}}}"), "99 in 100")), "Of all workers.", unit="s"),
        Panel("Objects that wait", (Query(f"sum by (pod) (deepseek_operator_queue_keys{{{_OPERATORS}}})", "{{pod}}"),), "For a worker; those of one that stands by wait until it leads."),
        Panel("The longest wait", (Query(f"max(deepseek_operator_queue_oldest_seconds{{{_OPERATORS}}} and on (namespace, pod) deepseek_operator_leader == 1)", "leader"),), "Of the leader's.", unit="s"),
        Panel("Calls to the API server", (Query(f"sum by (code) (rate(deepseek_operator_api_calls_total{{{_OPERATORS}}}{_EACH}))", "{{code}}"),), "A second, by status; 0: no answer. 404 and 409 are answers like others.", unit="ops"),
        Panel("Calls by kind", (Query(f"topk(10, sum by (verb, resource) (rate(deepseek_operator_api_calls_total{{{_OPERATORS}}}{_EACH})))", "{{verb}} {{resource}}"),), "The ten with most, a second.", unit="ops"),
        Panel("Memory", (Query(f"max by (pod) (process_resident_memory_bytes{{{_OPERATORS}}})", "{{pod}}"),), "Resident.", unit="bytes"),
        Panel("Processor", (Query(f"sum by (pod) (rate(process_cpu_seconds_total{{{_OPERATORS}}}{_EACH}))", "{{pod}}"),), "Cores.", unit="short"),
    ),
)  # fmt: skip

DASHBOARDS = (OVERVIEW, CANARY, ENGINE, OPERATOR)
