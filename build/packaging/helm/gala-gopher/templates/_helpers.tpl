{{/* Names, labels and what the profiles differ in. */}}
{{- define "gopher.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 52 | trimSuffix "-" -}}
{{- end }}

{{- define "gopher.selector" -}}
app.kubernetes.io/name: gala-gopher
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gopher.labels" -}}
{{ include "gopher.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gopher.account" -}}
{{- $default := ternary (include "gopher.name" .) "default" .Values.serviceAccount.create -}}
{{- default $default .Values.serviceAccount.name -}}
{{- end }}

{{- define "gopher.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* How the kubelet asks at PATH. Its own requests have no certificate, and reach the node's loopback alone where the
pod shares the node's network; else the agent is asked by its socket, in the pod. */}}
{{- define "gopher.ask" -}}
{{- $metrics := .root.Values.metrics -}}
{{- $reached := and $metrics.enabled (or .root.Values.hostNetwork $metrics.exposed) -}}
{{- if or (not $reached) $metrics.tls.clientCertificates -}}
exec: {command: [/usr/bin/gopher-ctl, probe, list]}
{{- else -}}
httpGet:
  path: {{ .path }}
  port: metrics
  {{- if .root.Values.hostNetwork }}
  host: 127.0.0.1
  {{- end }}
  {{- if $metrics.tls.secretName }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{- end }}

{{/* What the container may do. SETUID to KILL are for starting probes as another user and ending them. */}}
{{- define "gopher.security" -}}
runAsUser: 0
runAsGroup: 0
readOnlyRootFilesystem: true
{{- if eq .Values.profile "full" }}
privileged: true
seccompProfile: {type: Unconfined}
{{- else }}
privileged: false
allowPrivilegeEscalation: false
seccompProfile: {{ toJson .Values.seccompProfile }}
{{- /* The usual AppArmor profile lets nobody look at processes outside of it. */}}
{{- if semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
appArmorProfile: {type: Unconfined}
{{- end }}
capabilities:
  drop: [ALL]
  add: {{ concat (list "SETUID" "SETGID" "SETPCAP" "KILL" "SYS_PTRACE" "DAC_READ_SEARCH" "BPF" "PERFMON")
    .Values.extraCapabilities | uniq | toJson }}
{{- with .Values.seLinuxOptions }}
seLinuxOptions: {{ toJson . }}
{{- end }}
{{- end }}
{{- end }}
