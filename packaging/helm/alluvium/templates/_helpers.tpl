{{/* The base of all names. */}}
{{- define "alluvium.name" -}}
{{- contains "alluvium" .Release.Name | ternary .Release.Name (printf "%s-alluvium" .Release.Name) | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/*
The StatefulSet of a zone's agents: at most 52 characters, because Kubernetes adds a hash of 11 to it in a label of each pod. The
release's name is cut for the zone's, and a hash keeps releases apart. Takes root and zone, which may be empty.
*/}}
{{- define "alluvium.agents" -}}
{{- $name := include "alluvium.name" .root }}
{{- $suffix := ternary "-agents" (printf "-agents-%s" .zone) (empty .zone) }}
{{- if gt (add (len $name) (len $suffix)) 52 }}
{{- $hash := $name | sha256sum | trunc 8 }}
{{- $name = printf "%s-%s" ($name | trunc (sub 43 (len $suffix) | int) | trimSuffix "-") $hash }}
{{- end }}
{{- $name }}{{ $suffix }}
{{- end }}

{{- define "alluvium.selector" -}}
app.kubernetes.io/name: alluvium
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "alluvium.labels" -}}
{{ include "alluvium.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* The job of all processes in Prometheus; rules and dashboards expect it to begin with alluvium. */}}
{{- define "alluvium.job" -}}
{{ hasPrefix "alluvium" .Release.Name | ternary .Release.Name (printf "alluvium-%s" .Release.Name) | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "alluvium.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "alluvium.name" .) }}
{{- end }}

{{- define "alluvium.image" -}}
{{- with .Values.image -}}
{{ required "image.repository is where the image is published: registry.example.com/alluvium" .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/*
The parts of a pod's spec that agents and compactors share. Takes root, role (the command), workload (its values) and env (the
variables that only this role has).
*/}}
{{- define "alluvium.pod" -}}
{{- $ := .root -}}
serviceAccountName: {{ include "alluvium.serviceAccount" $ }}
automountServiceAccountToken: false
# Kubernetes would add variables for the ports of a Service named alluvium, and the binary refuses what it does not know.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ add $.Values.drainTimeoutSeconds 30 }}
{{- with $.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .workload.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .workload.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .workload.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
volumes:
  - name: foundationdb
    {{- with $.Values.foundationdb.clusterFile }}
    {{- if .configMap }}
    configMap:
      name: {{ .configMap }}
    {{- else }}
    secret:
      secretName: {{ required "foundationdb.clusterFile.configMap or .secret names the cluster file" .secret }}
    {{- end }}
      items:
        - key: {{ .key }}
          path: fdb.cluster
    {{- end }}
containers:
  - name: {{ .role }}
    image: {{ include "alluvium.image" $ }}
    imagePullPolicy: {{ $.Values.image.pullPolicy }}
    args: [{{ .role }}]
    env:
      - name: POD_NAME
        valueFrom:
          fieldRef:
            fieldPath: metadata.name
      - name: POD_IP
        valueFrom:
          fieldRef:
            fieldPath: status.podIP
      - name: NODE_IP
        valueFrom:
          fieldRef:
            fieldPath: status.hostIP
      - name: ALLUVIUM_STORE
        value: {{ required "store is the bucket: s3://bucket/prefix" $.Values.store | quote }}
      - name: ALLUVIUM_METASTORE
        value: fdb:///etc/foundationdb/fdb.cluster
      - name: ALLUVIUM_HTTP_LISTEN
        value: 0.0.0.0:8080
      # Other agents connect to the address: it needs no name, and a new pod registers its own.
      - name: ALLUVIUM_HTTP_ADVERTISED
        value: $(POD_IP):8080
      - name: ALLUVIUM_DRAIN_TIMEOUT
        value: {{ $.Values.drainTimeoutSeconds }}s
      {{- with .env }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- $options := merge (dict) .workload.options $.Values.options (dict "log-format" "json") }}
      {{- range $option, $value := $options }}
      {{- /* Numbers of values are floats, and large ones would be written with an exponent. */}}
      - name: ALLUVIUM_{{ $option | upper | replace "-" "_" }}
        value: {{ kindIs "float64" $value | ternary (int64 $value) $value | toString | quote }}
      {{- end }}
      {{- with $.Values.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    {{- with $.Values.envFrom }}
    envFrom:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    volumeMounts:
      - name: foundationdb
        mountPath: /etc/foundationdb
        readOnly: true
    # The listener opens once the process has registered with the metastore.
    startupProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: 5
      failureThreshold: 60
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 2
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    resources:
      {{- toYaml .workload.resources | nindent 6 }}
{{- end }}
