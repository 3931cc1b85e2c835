{{- /* What both charts share. Names of objects are fixed, because a cluster holds one hub and one member. */ -}}

{{- define "isochrone.selectorLabels" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- with .component }}
app.kubernetes.io/component: {{ . }}
{{- end }}
{{- end }}

{{- define "isochrone.labels" -}}
{{ include "isochrone.selectorLabels" . }}
app.kubernetes.io/part-of: isochrone
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{- /* root, component, name; for objects in the namespace of the release. */ -}}
{{- define "isochrone.metadata" -}}
name: {{ .name }}
namespace: {{ .root.Release.Namespace }}
labels:
  {{- include "isochrone.labels" . | nindent 2 }}
{{- end }}

{{- /* root, image: values that override .Values.image. A digest beats a tag. */ -}}
{{- define "isochrone.image" -}}
{{- $image := mergeOverwrite (deepCopy .root.Values.image) (default dict .image) -}}
{{- $name := $image.repository -}}
{{- with $image.registry }}{{ $name = printf "%s/%s" . $name }}{{ end -}}
{{- if $image.digest }}{{ printf "%s@%s" $name $image.digest }}{{ else }}{{ printf "%s:%s" $name (default .root.Chart.AppVersion $image.tag) }}{{ end -}}
{{- end }}

{{- /* root, program (its values), component, seconds (of grace, default 15: a program stops within 10). */ -}}
{{- define "isochrone.pod" -}}
enableServiceLinks: false
terminationGracePeriodSeconds: {{ default 15 .seconds }}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 1000
  runAsGroup: 1000
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- with .program.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .program.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* root, component: replicas keep apart where there is room, and start where there is none. */ -}}
{{- define "isochrone.spread" -}}
topologySpreadConstraints:
  {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - topologyKey: {{ $key }}
    maxSkew: 1
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "isochrone.selectorLabels" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}

{{- define "isochrone.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* Name of a port. A program starts in seconds; two minutes are for a slow disk or a big image. */ -}}
{{- define "isochrone.probes" -}}
startupProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: {{ . }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{- /* The token of the Pod's ServiceAccount, for the one container that needs it. */ -}}
{{- define "isochrone.tokenVolume" -}}
name: service-account
projected:
  defaultMode: 0440
  sources:
    - serviceAccountToken: { path: token, expirationSeconds: 3600 }
    - configMap:
        name: kube-root-ca.crt
        items: [{ key: ca.crt, path: ca.crt }]
    - downwardAPI:
        items: [{ path: namespace, fieldRef: { fieldPath: metadata.namespace } }]
{{- end }}
{{- define "isochrone.tokenMount" -}}
name: service-account
mountPath: /var/run/secrets/kubernetes.io/serviceaccount
readOnly: true
{{- end }}

{{- /* The files of files/rbac, which are applied as they are outside of charts too. */ -}}
{{- define "isochrone.rbac" -}}
{{- range $path, $_ := .Files.Glob "files/rbac/*.yaml" }}
{{- range splitList "\n---\n" ($.Files.Get $path) }}
{{- $object := fromYaml . }}
{{- $labels := fromYaml (include "isochrone.labels" (dict "root" $ "component" (trimSuffix ".yaml" (base $path)))) }}
{{- $_ := set $object.metadata "labels" $labels }}
{{- if eq $object.kind "ServiceAccount" }}
{{- $_ := set $object "automountServiceAccountToken" false }}
{{- end }}
---
{{ toYaml $object }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Templates, so that an upgrade of the release upgrades them; kept when it is uninstalled, with what people wrote. */ -}}
{{- define "isochrone.crds" -}}
{{- if .Values.crds.install }}
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" }}
{{- $crd := fromYaml ($.Files.Get $path) }}
{{- $_ := set $crd.metadata "labels" (fromYaml (include "isochrone.labels" (dict "root" $))) }}
{{- $_ := set $crd.metadata "annotations" (merge (dict "helm.sh/resource-policy" "keep") (default dict $crd.metadata.annotations)) }}
---
{{ toYaml $crd }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Empty without a cluster (helm template): then nothing can be looked up. */ -}}
{{- define "isochrone.connected" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}true{{ end -}}
{{- end }}

{{- /* The release that an object belongs to, `namespace/name`; "-" when Helm did not make it. */ -}}
{{- define "isochrone.owner" -}}
{{- $annotations := default dict .metadata.annotations -}}
{{- if index $annotations "meta.helm.sh/release-name" -}}
{{ index $annotations "meta.helm.sh/release-namespace" }}/{{ index $annotations "meta.helm.sh/release-name" }}
{{- else }}-{{ end -}}
{{- end }}

{{- define "isochrone.checkNamespace" -}}
{{- if ne .Release.Namespace "isochrone-system" }}
{{- fail (printf "namespace is %q; Isochrone's programs look for each other in isochrone-system: add --namespace isochrone-system --create-namespace" .Release.Namespace) }}
{{- end }}
{{- end }}

{{- define "isochrone.checkCrds" -}}
{{- if include "isochrone.connected" . }}
{{- $release := printf "%s/%s" .Release.Namespace .Release.Name }}
{{- range $path, $_ := .Files.Glob "files/crds/*.yaml" }}
{{- $name := (fromYaml ($.Files.Get $path)).metadata.name }}
{{- $live := lookup "apiextensions.k8s.io/v1" "CustomResourceDefinition" "" $name }}
{{- if $.Values.crds.install }}
{{- if and $live (ne (include "isochrone.owner" $live) $release) }}
{{- $owner := include "isochrone.owner" $live }}
{{- fail (printf "crds.install is true, but CustomResourceDefinition %s belongs to %s; set crds.install=false when that keeps it up to date, else hand it over: kubectl annotate crd %s meta.helm.sh/release-name=%s meta.helm.sh/release-namespace=%s --overwrite && kubectl label crd %s app.kubernetes.io/managed-by=Helm --overwrite" $name (ternary "no Helm release" (printf "release %s" $owner) (eq $owner "-")) $name $.Release.Name $.Release.Namespace $name) }}
{{- end }}
{{- else if not $live }}
{{- fail (printf "crds.install is false, but CustomResourceDefinition %s does not exist; set crds.install=true, or apply the files of the chart's folder files/crds first" $name) }}
{{- else }}
{{- $version := default "0.0.0" (index (default dict $live.metadata.labels) "app.kubernetes.io/version") }}
{{- if semverCompare (printf "<%s" $.Chart.AppVersion) $version }}
{{- fail (printf "crds.install is false, but CustomResourceDefinition %s is of version %s and this chart of %s; upgrade what installs it (%s), or apply the files of the chart's folder files/crds" $name (ternary "unknown" $version (eq $version "0.0.0")) $.Chart.AppVersion (ternary "no Helm release" (include "isochrone.owner" $live | printf "release %s") (eq (include "isochrone.owner" $live) "-"))) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Kinds of other projects: said by name before the API server refuses them. */ -}}
{{- define "isochrone.checkMonitoring" -}}
{{- range $value, $kind := dict "serviceMonitor" "ServiceMonitor" "prometheusRule" "PrometheusRule" }}
{{- if and (get (get $.Values.metrics $value) "enabled") (not ($.Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" $kind))) }}
{{- fail (printf "metrics.%s.enabled is true, but this cluster has no kind %s; install the Prometheus Operator first, or set metrics.%s.enabled=false (without a cluster: --api-versions monitoring.coreos.com/v1/%s)" $value $kind $value $kind) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* root, component, ports (names). */ -}}
{{- define "isochrone.serviceMonitor" -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "isochrone.metadata" (dict "root" .root "component" .component "name" (printf "isochrone-%s" .component)) | nindent 2 }}
    {{- with .root.Values.metrics.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  selector:
    matchLabels:
      {{- include "isochrone.selectorLabels" . | nindent 6 }}
  endpoints:
    {{- range .ports }}
    - port: {{ . }}
      interval: {{ $.root.Values.metrics.serviceMonitor.interval }}
    {{- end }}
{{- end }}

{{- define "isochrone.monitoring" -}}
{{- if .Values.metrics.prometheusRule.enabled }}
{{- range $path, $_ := .Files.Glob "files/alerts/*.yaml" }}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "isochrone.metadata" (dict "root" $ "component" "alerts" "name" (trimSuffix ".yaml" (base $path))) | nindent 2 }}
    {{- with $.Values.metrics.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- $.Files.Get $path | nindent 2 }}
{{- end }}
{{- end }}
{{- if .Values.metrics.dashboards.enabled }}
{{- range $path, $_ := .Files.Glob "files/dashboards/*.json" }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "isochrone.metadata" (dict "root" $ "component" "dashboards" "name" (printf "isochrone-dashboard-%s" (trimSuffix ".json" (base $path)))) | nindent 2 }}
    {{- toYaml $.Values.metrics.dashboards.labels | nindent 4 }}
data:
  {{ base $path }}: |
    {{- $.Files.Get $path | nindent 4 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Everything is refused to the Pods of the release that a policy does not allow. */ -}}
{{- define "isochrone.defaultDeny" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "isochrone.metadata" (dict "root" . "name" (printf "%s-default-deny" .Chart.Name)) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "isochrone.selectorLabels" (dict "root" .) | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{- /* Names are resolved wherever the cluster's resolver runs, in it or on the node. */ -}}
{{- define "isochrone.dnsEgress" -}}
ports:
  - { port: 53, protocol: UDP }
  - { port: 53, protocol: TCP }
{{- end }}

{{- /* Policies see the address behind a Service, which a chart does not know: any, on the ports of API servers. */ -}}
{{- define "isochrone.apiServerEgress" -}}
ports:
  {{- range .Values.networkPolicies.apiServerPorts }}
  - { port: {{ . }}, protocol: TCP }
  {{- end }}
{{- end }}

{{- /* root, ports. */ -}}
{{- define "isochrone.metricsIngress" -}}
from:
  {{- toYaml .root.Values.networkPolicies.metricsFrom | nindent 2 }}
ports:
  {{- range .ports }}
  - { port: {{ . }}, protocol: TCP }
  {{- end }}
{{- end }}

{{- /* root, value (its path), name (its content; "-" asks for no class), otherwise (another remedy). */ -}}
{{- define "isochrone.checkStorageClass" -}}
{{- $classes := (lookup "storage.k8s.io/v1" "StorageClass" "" "").items }}
{{- if and .name (ne .name "-") }}
{{- if not (lookup "storage.k8s.io/v1" "StorageClass" "" .name) }}
{{- $names := list }}
{{- range $classes }}{{ $names = append $names .metadata.name }}{{ end }}
{{- fail (printf "%s is %q, but there is no such StorageClass; there are: %s" .value .name (default "none" ($names | sortAlpha | join ", "))) }}
{{- end }}
{{- else if not .name }}
{{- $default := false }}
{{- range $classes }}
{{- if eq "true" (default "" (index (default dict .metadata.annotations) "storageclass.kubernetes.io/is-default-class")) }}{{ $default = true }}{{ end }}
{{- end }}
{{- if not $default }}
{{- fail (printf "%s is empty, but this cluster has no default StorageClass; name a class there (kubectl get storageclass; \"-\" binds a volume that you made by hand), or %s" .value .otherwise) }}
{{- end }}
{{- end }}
{{- end }}

{{- /* A class by name, "-" for none at all, nothing for the cluster's default. */ -}}
{{- define "isochrone.storageClassName" -}}
{{- if eq . "-" }}
storageClassName: ''
{{- else if . }}
storageClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* As programs read money: a number of --set as well as a string. */ -}}
{{- define "isochrone.money" -}}
{{- if kindIs "string" . }}{{ . }}{{ else }}{{ printf "%.6f" (float64 .) }}{{ end -}}
{{- end }}
