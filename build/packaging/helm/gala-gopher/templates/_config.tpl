{{/* The configuration as TOML: values from YAML are written by hand, as Helm's own function makes 5 to 5.0. */}}

{{/* One value: strings, numbers and booleans are the same in JSON; tables are inline. */}}
{{- define "gopher.toml.value" -}}
{{- if kindIs "map" . -}}
{ {{- range $i, $key := keys . | sortAlpha }}
{{- if $i }},{{ end }} {{ toJson $key }} = {{ include "gopher.toml.value" (get $ $key) }}
{{- end }} }
{{- else if kindIs "slice" . -}}
[{{- range $i, $one := . }}{{ if $i }}, {{ end }}{{ include "gopher.toml.value" $one }}{{ end }}]
{{- else if kindIs "invalid" . -}}
{{- fail "a key in config or scope has no value; leave it out, so that the agent's default holds" -}}
{{- else -}}
{{ toRawJson . }}
{{- end -}}
{{- end }}

{{/* The keys of one table, a line each. */}}
{{- define "gopher.toml.keys" -}}
{{- range $key := keys . | sortAlpha }}
{{ $key }} = {{ include "gopher.toml.value" (get $ $key) }}
{{- end }}
{{- end }}

{{/* Sections with their keys; those of export and probe have a name more. */}}
{{- define "gopher.toml" -}}
{{- range $section := keys . | sortAlpha }}
{{- $table := get $ $section }}
{{- if has $section (list "export" "probe") }}
{{- range $name := keys $table | sortAlpha }}
[{{ $section }}.{{ $name }}]
{{- include "gopher.toml.keys" (get $table $name) }}
{{ end }}
{{- else }}
[{{ $section }}]
{{- include "gopher.toml.keys" $table }}
{{ end }}
{{- end }}
{{- end }}

{{/* What the chart itself decides, under what config says. */}}
{{- define "gopher.config" -}}
{{- $metrics := .Values.metrics -}}
{{- $prometheus := dict "enabled" $metrics.enabled
  "listen" (printf "%s:%v" (ternary "0.0.0.0" "127.0.0.1" $metrics.exposed) $metrics.port) -}}
{{- if $metrics.tls.secretName -}}
{{- $_ := set $prometheus "tls_cert_file" "/etc/gala-gopher-tls/tls.crt" -}}
{{- $_ := set $prometheus "tls_key_file" "/etc/gala-gopher-tls/tls.key" -}}
{{- if $metrics.tls.clientCertificates -}}
{{- $_ := set $prometheus "tls_client_ca_file" "/etc/gala-gopher-tls/ca.crt" -}}
{{- end -}}
{{- else if $metrics.exposed -}}
{{- $_ := set $prometheus "plaintext" true -}}
{{- end -}}
{{- $ours := dict "export" (dict "prometheus" $prometheus) -}}
{{- toJson (mergeOverwrite $ours (deepCopy .Values.config)) -}}
{{- end }}

{{/* A sum of the keys that wait for a restart: with it pods are replaced when one of them changes. */}}
{{- define "gopher.restart" -}}
{{- $config := include "gopher.config" . | fromJson -}}
{{- $agent := omit (dig "agent" (dict) $config) "log_level" -}}
{{- $others := list (dig "control" "group" "" $config) (dig "events" "language" "" $config)
  (dig "export" "prometheus" "exposition" "" $config) -}}
{{- toJson (list $agent $others) | sha256sum | trunc 16 -}}
{{- end }}
