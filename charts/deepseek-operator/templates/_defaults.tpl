{{/* What came after 0.1.0, as values.yaml has it. */}}
{{- define "deepseek-operator.since" -}}
imageRegistry: ""
gateway:
  nodeSelector: {}
  tolerations: []
  affinity: {}
  priorityClassName: ""
networkPolicies:
  enabled: true
  monitoringNamespaces: []
  apiServerPorts: [443, 6443]
  dnsPorts: [53]
tracing:
  endpoint: ""
  samplingPercent: 10
admission:
  warnings: true
monitoring:
  podMonitors:
    create: Auto
    labels: {}
  serviceMonitor:
    create: Auto
    labels: {}
  prometheusRule:
    create: Auto
    labels: {}
    runbookBaseUrl: ""
  dashboards:
    create: Auto
    labels:
      grafana_dashboard: "1"
    annotations: {}
{{- end }}

{{/* Helm's --reuse-values brings the values of the release before in place of values.yaml: what that lacks is set here. */}}
{{- define "deepseek-operator.complete" -}}
{{- range $name, $default := include "deepseek-operator.since" . | fromYaml }}
{{- if not (hasKey $.Values $name) }}
{{- $_ := set $.Values $name $default }}
{{- end }}
{{- end }}
{{- end }}
