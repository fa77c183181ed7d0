"""CEL rules of rollout.analysis.quality: what examines, and for how long."""

from pydantic import JsonValue

_WEBHOOK = (
    "^https://[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?"
    "(/[A-Za-z0-9!$&()*+,/:;=@._~%-]*)?$"
)

_PROMPTS_ONLY = ("minPassingPercent", "maxDropPercent", "everyStep")

_NEEDS_PROMPTS: list[JsonValue] = [
    {
        "rule": f"has(self.prompts) || !has(self.{field})",
        "message": f"rollout.analysis.quality.{field}: it counts prompts; give prompts, or remove "
        "the field",
    }
    for field in _PROMPTS_ONLY
]

QUALITY: list[JsonValue] = [
    {
        "rule": "has(self.prompts) || has(self.webhook)",
        "message": "rollout.analysis.quality: give prompts, webhook, or both",
    },
    *_NEEDS_PROMPTS,
    {
        "rule": f"!has(self.webhook) || self.webhook.url.matches('{_WEBHOOK}')",
        "message": "rollout.analysis.quality.webhook.url: write https://host[:port][/path], without "
        "user, query and fragment; give a secret by token",
    },
    {
        "rule": "!has(self.webhook) || !has(self.webhook.timeout) || "
        "duration(self.webhook.timeout) <= duration('5m')",
        "message": "rollout.analysis.quality.webhook.timeout: at most 5m; lower it",
    },
    {
        "rule": "!has(self.timeout) || duration(self.timeout) <= duration('2h')",
        "message": "rollout.analysis.quality.timeout: at most 2h; lower it",
    },
]
