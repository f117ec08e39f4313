{{- define "alignd.name" -}}
{{- if contains .Chart.Name .Release.Name -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- else -}}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{- end -}}
{{- end -}}

{{- define "alignd.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "alignd.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "alignd.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "alignd.image" -}}
{{- if .Values.image.digest -}}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{- else -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- end -}}

{{- define "alignd.check" -}}
{{- if and (gt (int .Values.replicas) 1) (ne .Values.store.kind "redis") -}}
{{- fail "replicas: more than one needs store.kind redis, since the embedded store is one file for one process" -}}
{{- end -}}
{{- if and .Values.existingConfigMap (or .Values.config .Values.mapping) -}}
{{- fail "existingConfigMap: takes the place of config and mapping; give one or the other" -}}
{{- end -}}
{{- if not .Values.existingConfigMap -}}
{{- if not .Values.config.connectors -}}
{{- fail "config.connectors: say which trackers to read, or name an existingConfigMap" -}}
{{- end -}}
{{- if not .Values.mapping -}}
{{- fail "mapping: give the text of mapping.yml, or name an existingConfigMap" -}}
{{- end -}}
{{- if .Values.config.store -}}
{{- fail "config.store: say it under store, so that volumes and replicas fit" -}}
{{- end -}}
{{- if and (eq .Values.store.kind "redis") (not .Values.store.redis.addrs) -}}
{{- fail "store.redis.addrs: say where Redis is" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* How to ask whether the process answers. */}}
{{- define "alignd.healthy" -}}
{{- if eq .Values.probes "command" -}}
exec: {command: [/bin/alignd, health, --config.file=/etc/alignd/alignd.yml]}
{{- else -}}
httpGet: {path: /-/healthy, port: http, scheme: {{ .Values.scheme }}}
{{- end -}}
{{- end }}
