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
app.kubernetes.io/name: {{ include "deepseek-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{/* managed-by is Helm here: the operator's own mark on its children is another value of this label. */}}
{{- define "deepseek-operator.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/name: {{ include "deepseek-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end }}

{{/* An image's name with imageRegistry in place of its registry, which is what has a dot or a colon before the first slash. */}}
{{- define "deepseek-operator.inRegistry" -}}
{{- $parts := splitList "/" .image }}
{{- $host := first $parts }}
{{- if not .registry }}
{{- .image }}
{{- else if and (rest $parts) (or (contains "." $host) (contains ":" $host) (eq $host "localhost")) }}
{{- printf "%s/%s" .registry (rest $parts | join "/") }}
{{- else }}
{{- printf "%s/%s" .registry .image }}
{{- end }}
{{- end }}

{{- define "deepseek-operator.image" -}}
{{- $version := default .Chart.AppVersion .Values.image.tag | printf ":%s" }}
{{- if .Values.image.digest }}
{{- $version = printf "@%s" .Values.image.digest }}
{{- end }}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" (print .Values.image.repository $version)) }}
{{- end }}

{{- define "deepseek-operator.vllmImage" -}}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" .Values.images.vllm) }}
{{- end }}

{{- define "deepseek-operator.vllmCpuImage" -}}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" .Values.images.vllmCpu) }}
{{- end }}

{{- define "deepseek-operator.tensorrtLlmImage" -}}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" .Values.images.tensorrtLlm) }}
{{- end }}

{{- define "deepseek-operator.gatewayImage" -}}
{{- $image := default (printf "ghcr.io/deepseek-operator/gateway:%s" .Chart.AppVersion) .Values.images.gateway }}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" $image) }}
{{- end }}

{{- define "deepseek-operator.toolboxImage" -}}
{{- $image := default (printf "ghcr.io/deepseek-operator/toolbox:%s" .Chart.AppVersion) .Values.images.toolbox }}
{{- include "deepseek-operator.inRegistry" (dict "registry" .Values.imageRegistry "image" $image) }}
{{- end }}
