{{- /* What would fail later and without a reason is refused here, with the value and the remedy. */ -}}
{{- define "hub.checks" -}}
{{- include "isochrone.checkNamespace" . }}
{{- include "isochrone.checkCrds" . }}
{{- include "isochrone.checkMonitoring" . }}
{{- if and (eq .Values.tls.provider "CertManager") (not (.Capabilities.APIVersions.Has "cert-manager.io/v1/Certificate")) }}
{{- fail "tls.provider is CertManager, but this cluster has no kind Certificate; install cert-manager first, or set tls.provider=BuiltIn (without a cluster: --api-versions cert-manager.io/v1/Certificate)" }}
{{- end }}
{{- include "hub.checkLedger" . }}
{{- $role := lookup "rbac.authorization.k8s.io/v1" "ClusterRole" "" "isochrone-operator" }}
{{- if $role }}
{{- $owner := include "isochrone.owner" $role }}
{{- if eq $owner "-" }}
{{- fail "ClusterRole isochrone-operator exists and no Helm release made it; a cluster holds one hub: remove the other one first (kubectl delete clusterrole,clusterrolebinding isochrone-operator isochrone-scheduler)" }}
{{- else if ne $owner (printf "%s/%s" .Release.Namespace .Release.Name) }}
{{- fail (printf "this cluster already has a hub, release %s; a cluster holds one hub: upgrade that release, or uninstall it first" $owner) }}
{{- end }}
{{- end }}
{{- end }}

{{- define "hub.checkLedger" -}}
{{- $sqlite := .Values.ledger.sqlite }}
{{- $postgresql := .Values.ledger.postgresql }}
{{- if eq .Values.ledger.type "PostgreSQL" }}
{{- if not $postgresql.existingSecret }}
{{- fail "ledger.type is PostgreSQL, but ledger.postgresql.existingSecret is empty; make a Secret with the URL (kubectl -n isochrone-system create secret generic isochrone-ledger --from-literal=url=postgresql://USER:PASSWORD@HOST/DATABASE) and name it there" }}
{{- end }}
{{- if include "isochrone.connected" . }}
{{- $secret := lookup "v1" "Secret" .Release.Namespace $postgresql.existingSecret }}
{{- if not $secret }}
{{- fail (printf "ledger.postgresql.existingSecret is %q, but there is no such Secret in %s; make it: kubectl -n %s create secret generic %s --from-literal=%s=postgresql://USER:PASSWORD@HOST/DATABASE" $postgresql.existingSecret .Release.Namespace .Release.Namespace $postgresql.existingSecret $postgresql.key) }}
{{- else if not (hasKey (default dict $secret.data) $postgresql.key) }}
{{- fail (printf "ledger.postgresql.key is %q, but Secret %s has only: %s; name one of them" $postgresql.key $postgresql.existingSecret (keys (default dict $secret.data) | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- else }}
{{- if include "isochrone.connected" . }}
{{- if $sqlite.existingClaim }}
{{- if not (lookup "v1" "PersistentVolumeClaim" .Release.Namespace $sqlite.existingClaim) }}
{{- fail (printf "ledger.sqlite.existingClaim is %q, but there is no such PersistentVolumeClaim in %s; make it, or leave the value empty" $sqlite.existingClaim .Release.Namespace) }}
{{- end }}
{{- else if not (lookup "v1" "PersistentVolumeClaim" .Release.Namespace "isochrone-ledger") }}
{{- include "isochrone.checkStorageClass" (dict "root" . "value" "ledger.sqlite.storageClassName" "name" $sqlite.storageClassName "otherwise" "set ledger.sqlite.existingClaim, or ledger.type=PostgreSQL") }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
