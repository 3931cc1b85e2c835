{{- /*
Every kind of machine as a class, a YAML list: node classes as they are written, DRA and processors as classes of their own.
*/ -}}
{{- define "edge.classes" -}}
{{- $classes := list }}
{{- range .Values.nodeClasses }}
{{- $gpu := dict "kind" "GPU" "gpuResource" "nvidia.com/gpu" "tolerations" (list (dict "key" "nvidia.com/gpu" "operator" "Exists" "effect" "NoSchedule")) }}
{{- $classes = append $classes (mergeOverwrite $gpu (deepCopy .)) }}
{{- end }}
{{- if .Values.dra.enabled }}
{{- $classes = append $classes (merge (dict "kind" "DRA" "name" "dra") (deepCopy .Values.dra)) }}
{{- end }}
{{- if .Values.cpu.enabled }}
{{- $classes = append $classes (merge (dict "kind" "CPU" "name" "cpu") (deepCopy .Values.cpu)) }}
{{- end }}
{{- toYaml $classes }}
{{- end }}

{{- /* What a node is decides what runs it. */ -}}
{{- define "edge.workload" -}}
{{- get (dict "PersistentVolumeClaim" "StatefulSet" "HostPath" "DaemonSet" "EmptyDir" "Deployment") .Values.state.type }}
{{- end }}

{{- /* class, root: selects the Pods of one class among all agents. */ -}}
{{- define "edge.agentSelector" -}}
{{ include "isochrone.selectorLabels" (dict "root" .root "component" "agent") }}
isochrone.dev/node-class: {{ .class.name }}
{{- end }}
