{{- /* root, class: the Pod of an agent and its verifier. */ -}}
{{- define "edge.agentPod" -}}
{{- $values := .root.Values }}
{{- $agent := $values.agent }}
{{- $class := .class }}
{{- $image := include "isochrone.image" (dict "root" .root "image" (ternary $agent.image $agent.gpuImage (eq $class.kind "CPU"))) }}
{{- $policy := ternary $agent.image.pullPolicy $agent.gpuImage.pullPolicy (eq $class.kind "CPU") | default $values.image.pullPolicy }}
{{- $state := $values.state }}
metadata:
  labels:
    {{- include "isochrone.labels" (dict "root" .root "component" "agent") | nindent 4 }}
    isochrone.dev/node-class: {{ $class.name }}
    {{- with $agent.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $agent.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: isochrone-agent
  # The verifier has no business with the API server: only the agent's container gets the token.
  automountServiceAccountToken: false
  {{- $placement := pick $class "nodeSelector" "tolerations" "affinity" }}
  {{- include "isochrone.pod" (dict "root" .root "program" (merge $placement (pick $agent "priorityClassName")) "seconds" 30) | nindent 2 }}
  {{- with $class.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- if eq $class.kind "DRA" }}
  resourceClaims:
    - name: gpus
      resourceClaimTemplateName: isochrone-agent-dra
  {{- end }}
  initContainers:
    {{- if and (eq $state.type "HostPath") $state.hostPath.prepare }}
    # A folder that kubelet makes belongs to root.
    - name: prepare-state
      image: {{ $image }}
      imagePullPolicy: {{ $policy }}
      command: [node, --eval]
      args: ["for (const folder of ['agent', 'verifier']) fs.chownSync(`/state/${folder}`, 1000, 1000), fs.chmodSync(`/state/${folder}`, 0o700)"]
      securityContext:
        runAsUser: 0
        runAsNonRoot: false
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
          add: [CHOWN, FOWNER]
      resources:
        requests: { cpu: 10m, memory: 64Mi }
        limits: { memory: 128Mi }
      volumeMounts:
        - { name: agent, mountPath: /state/agent }
        - { name: verifier, mountPath: /state/verifier }
    {{- end }}
    # A native sidecar: there before the agent asks for its key, and until the agent has ended.
    - name: verifier
      restartPolicy: Always
      image: {{ include "isochrone.image" (dict "root" .root "image" $agent.image) }}
      imagePullPolicy: {{ default $values.image.pullPolicy $agent.image.pullPolicy }}
      args: [verifier]
      terminationMessagePolicy: FallbackToLogsOnError
      securityContext:
        {{- include "isochrone.containerSecurity" . | nindent 8 }}
      resources:
        {{- toYaml $values.verifier.resources | nindent 8 }}
      startupProbe:
        httpGet: { path: /readyz, port: verifier }
        periodSeconds: 1
        failureThreshold: 120
      livenessProbe:
        httpGet: { path: /healthz, port: verifier }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      ports:
        - { name: verifier, containerPort: 8082 }
      env:
        - name: ISOCHRONE_OPENING_RETENTION_HOURS
          value: {{ $values.verifier.openingRetentionHours | int64 | quote }}
        - name: ISOCHRONE_MAX_RECORD_MEBIBYTES
          value: {{ $values.verifier.maxRecordMebibytes | quote }}
        - name: ISOCHRONE_METRICS_ADDRESS
          value: ':8082'
        - name: ISOCHRONE_LOG_LEVEL
          value: {{ $values.verifier.logLevel }}
      volumeMounts:
        - { name: verifier, mountPath: /var/lib/isochrone/verifier }
        - { name: socket, mountPath: /run/isochrone }
        - { name: verifier-tmp, mountPath: /tmp }
  containers:
    - name: agent
      image: {{ $image }}
      imagePullPolicy: {{ $policy }}
      args: [agent]
      terminationMessagePolicy: FallbackToLogsOnError
      securityContext:
        {{- mergeOverwrite (include "isochrone.containerSecurity" . | fromYaml) (default dict $class.securityContext) | toYaml | nindent 8 }}
      {{- $resources := deepCopy (default $agent.resources $class.resources) }}
      {{- if eq $class.kind "GPU" }}
      {{- $_ := set $resources "limits" (merge (dict $class.gpuResource (int $class.gpus)) (default dict $resources.limits)) }}
      {{- else if eq $class.kind "DRA" }}
      {{- $_ := set $resources "claims" (list (dict "name" "gpus")) }}
      {{- end }}
      resources:
        {{- toYaml $resources | nindent 8 }}
      {{- include "isochrone.probes" "metrics" | nindent 6 }}
      ports:
        - { name: metrics, containerPort: 8081 }
      env:
        # With the state on a volume the node is the volume's Pod, with the state on the machine it is the machine.
        - name: ISOCHRONE_NODE_NAME
          valueFrom:
            fieldRef:
              fieldPath: {{ ternary "spec.nodeName" "metadata.name" (eq $state.type "HostPath") }}
        - name: ISOCHRONE_ASK_PRICE_PER_THOUSAND_REFERENCE_SECONDS
          value: {{ include "isochrone.money" $class.price | quote }}
        - name: ISOCHRONE_CPU_THREADS
          value: {{ default 1 $class.cpuThreads | quote }}
        - name: ISOCHRONE_SLOTS
          value: {{ default 1 $class.slots | quote }}
        {{- with $class.deviceMemory }}
        - name: ISOCHRONE_DEVICE_MEMORY
          value: {{ . }}
        {{- end }}
        - name: ISOCHRONE_MODEL_QUOTA
          value: {{ $agent.modelQuota }}
        - name: ISOCHRONE_RUNTIME_IDLE_SECONDS
          value: {{ $agent.runtimeIdleSeconds | int64 | quote }}
        - name: ISOCHRONE_METRICS_ADDRESS
          value: ':8081'
        - name: ISOCHRONE_LOG_LEVEL
          value: {{ $agent.logLevel }}
        {{- if ne $class.kind "CPU" }}
        # nvidia-smi, by which the agent finds its devices, is "utility".
        - name: NVIDIA_DRIVER_CAPABILITIES
          value: compute,utility
        {{- end }}
        {{- with $agent.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      volumeMounts:
        - {{- include "isochrone.tokenMount" . | nindent 10 }}
        - { name: agent, mountPath: /var/lib/isochrone/agent }
        - { name: socket, mountPath: /run/isochrone }
        - { name: tmp, mountPath: /tmp }
        {{- with $agent.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - {{- include "isochrone.tokenVolume" . | nindent 6 }}
    - name: socket
      emptyDir: {}
    - name: tmp
      emptyDir: {}
    - name: verifier-tmp
      emptyDir: {}
    {{- range list "agent" "verifier" }}
    {{- if eq $state.type "HostPath" }}
    - name: {{ . }}
      hostPath:
        path: {{ $state.hostPath.path }}/{{ . }}
        type: {{ ternary "DirectoryOrCreate" "Directory" $state.hostPath.prepare }}
    {{- else if eq $state.type "EmptyDir" }}
    - name: {{ . }}
      emptyDir: {}
    {{- end }}
    {{- end }}
    {{- with $agent.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}
