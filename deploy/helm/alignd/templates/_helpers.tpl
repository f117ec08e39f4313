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
{{- if and .Values.serviceMonitor.basicAuth .Values.serviceMonitor.authorization -}}
{{- fail "serviceMonitor: takes basicAuth or authorization, not both" -}}
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
{{- include "alignd.checkPorts" . -}}
{{- end -}}
{{- end -}}

{{/* What the config listens on must be what the pod, the Service and the NetworkPolicy open. */}}
{{- define "alignd.checkPorts" -}}
{{- $web := .Values.config.web | default dict -}}
{{- if $web.listen_addresses -}}
{{- fail "config.web.listen_addresses: leave it out, since the chart has alignd listen on :8642; service.port says where others find it" -}}
{{- end -}}
{{- include "alignd.checkPort" (dict "key" "web.page_listen_address" "address" $web.page_listen_address "name" "page" "opened" .Values.page) -}}
{{- $webhooks := .Values.config.webhooks | default dict -}}
{{- include "alignd.checkPort" (dict "key" "webhooks.listen_address" "address" $webhooks.listen_address "name" "webhooks" "opened" .Values.webhooks) -}}
{{- end -}}

{{- define "alignd.checkPort" -}}
{{- if and .address (not .opened.enabled) -}}
{{- fail (printf "%s.enabled: must be true, since config.%s is set and nothing else opens its port" .name .key) -}}
{{- end -}}
{{- if and .opened.enabled (not .address) -}}
{{- fail (printf "%s.enabled: needs config.%s, such as \":%d\"" .name .key (int .opened.port)) -}}
{{- end -}}
{{- if and .address (ne (splitList ":" .address | last) (.opened.port | int | toString)) -}}
{{- fail (printf "%s.port: is %d, but config.%s is %q" .name (int .opened.port) .key .address) -}}
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
