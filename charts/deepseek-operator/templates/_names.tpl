{{- define "deepseek-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "deepseek-operator.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- $name := include "deepseek-operator.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{/* Of objects without a namespace: a colon is in no other part, so two releases never share a name. */}}
{{- define "deepseek-operator.clusterName" -}}
{{- printf "%s:%s" .Release.Namespace (include "deepseek-operator.fullname" .) }}
{{- end }}

{{/* The same where a name may hold no colon; neither part has a dot. */}}
{{- define "deepseek-operator.policyName" -}}
{{- printf "%s.%s" .Release.Namespace (include "deepseek-operator.fullname" .) }}
{{- end }}

{{- define "deepseek-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "deepseek-operator.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "deepseek-operator.catalogName" -}}
{{- default (printf "%s-catalog" (include "deepseek-operator.fullname" .)) .Values.catalog.configMap }}
{{- end }}

{{- define "deepseek-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "deepseek-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* managed-by is Helm here: the operator's own mark on its children is another value of this label. */}}
{{- define "deepseek-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "deepseek-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "deepseek-operator.image" -}}
{{- with .Values.image }}
{{- if .digest }}
{{- printf "%s@%s" .repository .digest }}
{{- else }}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "deepseek-operator.gatewayImage" -}}
{{- default (printf "ghcr.io/deepseek-operator/gateway:%s" .Chart.AppVersion) .Values.images.gateway }}
{{- end }}

{{- define "deepseek-operator.toolboxImage" -}}
{{- default (printf "ghcr.io/deepseek-operator/toolbox:%s" .Chart.AppVersion) .Values.images.toolbox }}
{{- end }}
