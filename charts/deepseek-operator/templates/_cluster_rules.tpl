{{/* What the operator reads of the whole cluster, where it serves every namespace: which accelerators there are. */}}
{{- define "deepseek-operator.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [list]
- apiGroups: [resource.k8s.io]
  resources: [resourceslices, resourceclaims, deviceclasses]
  verbs: [list]
{{- end }}
