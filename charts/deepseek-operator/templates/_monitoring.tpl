{{/* Whether an object of Prometheus Operator is made: `create` is Always, Never, or Auto, where the cluster knows the kind. */}}
{{- define "deepseek-operator.monitors" -}}
{{- $known := .capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" .kind) }}
{{- if or (eq .create "Always") (and (eq .create "Auto") $known) }}true{{ end }}
{{- end }}
