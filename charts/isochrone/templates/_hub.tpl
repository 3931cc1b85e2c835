{{- /* Two for failover where the ledger may be shared; one where it is a file. */ -}}
{{- define "hub.replicas" -}}
{{- if kindIs "invalid" .program.replicas }}{{ ternary 1 2 (eq .root.Values.ledger.type "SQLite") }}{{ else }}{{ .program.replicas }}{{ end -}}
{{- end }}

{{- define "hub.schedulerHost" -}}isochrone-scheduler.isochrone-system.svc{{- end }}

{{- /* Secret of a program's certificate, whoever issues it. */ -}}
{{- define "hub.tlsVolume" -}}
name: tls
secret:
  secretName: isochrone-{{ . }}-tls
  defaultMode: 0440
{{- end }}

{{- /* root, component, program, port (of metrics): what the two Deployments have in common. */ -}}
{{- define "hub.containerCommon" -}}
image: {{ include "isochrone.image" (dict "root" .root) }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
args: [{{ .component }}]
# What it said last is told by the Pod: doctor shows it.
terminationMessagePolicy: FallbackToLogsOnError
securityContext:
  {{- include "isochrone.containerSecurity" . | nindent 2 }}
resources:
  {{- toYaml .program.resources | nindent 2 }}
{{ include "isochrone.probes" "metrics" }}
{{- end }}

{{- define "hub.commonEnv" -}}
- name: ISOCHRONE_METRICS_ADDRESS
  value: ':8080'
- name: ISOCHRONE_LOG_LEVEL
  value: {{ .logLevel }}
{{- with .extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}
