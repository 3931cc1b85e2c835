{{- /* What would fail later and without a reason is refused here, with the value and the remedy. */ -}}
{{- define "edge.checks" -}}
{{- include "isochrone.checkNamespace" . }}
{{- include "isochrone.checkCrds" . }}
{{- include "isochrone.checkMonitoring" . }}
{{- if not .Values.cluster }}
{{- fail "cluster is empty; set it to the name of this member's EdgeCluster on the hub (--set cluster=NAME)" }}
{{- end }}
{{- $existing := .Values.existingTokenSecret }}
{{- if and .Values.token $existing }}
{{- fail "both token and existingTokenSecret are set; the edge joins by one of them: leave the other empty" }}
{{- end }}
{{- if and (not .Values.token) (not $existing) (not (lookup "v1" "Secret" .Release.Namespace "isochrone-hub")) }}
{{- fail (printf "token is empty and this cluster has not joined yet; run `kubectl isochrone edge token create %s` on the hub and set what it prints (--set token=…), or name a Secret that holds it under the key token in existingTokenSecret" .Values.cluster) }}
{{- end }}
{{- if and $existing (include "isochrone.connected" .) }}
{{- $secret := default dict (lookup "v1" "Secret" .Release.Namespace $existing) }}
{{- if not (hasKey (default dict $secret.data) "token") }}
{{- fail (printf "existingTokenSecret is %q, but there is no such Secret with a key token in %s; make it: kubectl -n %s create secret generic %s --from-file=token=FILE" $existing .Release.Namespace .Release.Namespace $existing) }}
{{- end }}
{{- end }}
{{- $role := lookup "rbac.authorization.k8s.io/v1" "Role" .Release.Namespace "isochrone-edge" }}
{{- if $role }}
{{- $owner := include "isochrone.owner" $role }}
{{- if ne $owner (printf "%s/%s" .Release.Namespace .Release.Name) }}
{{- fail (printf "this cluster is a member already, by %s; a cluster joins once: upgrade that release, or remove it first" (ternary "what no Helm release made" (printf "release %s" $owner) (eq $owner "-"))) }}
{{- end }}
{{- end }}
{{- include "edge.checkClasses" . }}
{{- end }}

{{- define "edge.checkClasses" -}}
{{- $seen := list }}
{{- range include "edge.classes" . | fromYamlArray }}
{{- $path := get (dict "GPU" (printf "nodeClasses %s" .name) "DRA" "dra" "CPU" "cpu") .kind }}
{{- if has .name $seen }}
{{- fail (printf "nodeClasses has the name %s twice (dra and cpu are taken when enabled); give each class a name of its own" .name) }}
{{- end }}
{{- $seen = append $seen .name }}
{{- if not .price }}
{{- fail (printf "%s: price is empty; set what the node asks per thousand reference seconds, such as price: '0.20'" $path) }}
{{- end }}
{{- if and (eq $.Values.state.type "EmptyDir") (ne .kind "CPU") }}
{{- fail (printf "%s: state.type is EmptyDir, where each new Pod is a new node, and the hub would refuse it the GPU that it knows as another's; set state.type to PersistentVolumeClaim or HostPath" $path) }}
{{- end }}
{{- if and .runtimeClassName (include "isochrone.connected" $) (not (lookup "node.k8s.io/v1" "RuntimeClass" "" .runtimeClassName)) }}
{{- fail (printf "%s: runtimeClassName is %q, but there is no such RuntimeClass; install the GPU operator or make it, or leave the value empty" $path .runtimeClassName) }}
{{- end }}
{{- end }}
{{- if and .Values.dra.enabled (include "isochrone.connected" .) (not (lookup "resource.k8s.io/v1" "DeviceClass" "" .Values.dra.deviceClassName)) }}
{{- fail (printf "dra.deviceClassName is %q, but there is no such DeviceClass; install the DRA driver first, or use nodeClasses with the device plug-in" .Values.dra.deviceClassName) }}
{{- end }}
{{- if and $seen (eq .Values.state.type "PersistentVolumeClaim") (include "isochrone.connected" .) }}
{{- include "isochrone.checkStorageClass" (dict "root" . "value" "state.persistentVolumeClaim.storageClassName" "name" .Values.state.persistentVolumeClaim.storageClassName "otherwise" "set state.type to HostPath, or for a trial to EmptyDir") }}
{{- end }}
{{- end }}
