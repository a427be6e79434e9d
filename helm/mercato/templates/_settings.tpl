{{/* What a service reads from its ConfigMap, as a YAML mapping. Arguments: dict "root" $ "service" "cart" */}}
{{- define "mercato.settings" -}}
{{- $v := .root.Values -}}
{{- $root := .root -}}
{{- $service := .service -}}
{{- $upper := $service | upper | replace "-" "_" | replace "PAYMENT_PROVIDER" "PROVIDER" -}}
MERCATO_HOST: "0.0.0.0"
MERCATO_LOG_LEVEL: {{ $v.logLevel }}
{{- /* Nobody takes over from the provider, so it does not wait for anybody to notice. */}}
MERCATO_DRAIN_WAIT_MS: {{ eq $service "payment-provider" | ternary 0 (mul $v.drain.waitSeconds 1000) | quote }}
MERCATO_DRAIN_MS: {{ mul $v.drain.limitSeconds 1000 | quote }}
{{- if $v.tracing.enabled }}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ include "mercato.tracesEndpoint" .root }}
{{- end }}
{{- if eq $service "gateway" }}
MERCATO_PORT_GATEWAY: "8080"
MERCATO_PORT_ADMIN: "8081"
MERCATO_DEMO_IDENTITY: {{ $v.demo.identity | ternary "on" "off" | quote }}
{{- range $peer := list "cart" "order" "inventory" "payment" "payment-provider" }}
{{- $key := $peer | upper | replace "PAYMENT-PROVIDER" "PROVIDER" }}
{{- $host := include "mercato.name" (dict "root" $root "component" $peer) }}
MERCATO_URL_{{ $key }}: http://{{ $host }}:{{ include "mercato.apiPort" $peer }}
MERCATO_OPS_URL_{{ $key }}: http://{{ $host }}:{{ include "mercato.opsPort" $peer }}
{{- end }}
{{- else }}
MERCATO_PORT_{{ $upper }}: {{ include "mercato.apiPort" $service | quote }}
MERCATO_PORT_{{ $upper }}_OPS: {{ include "mercato.opsPort" $service | quote }}
{{- end }}
{{- if has $service (splitList " " (include "mercato.durable" .root)) }}
MERCATO_BROKER: kafka
{{- /* Rows that another replica committed are found by looking; its own wake it at once (D6). */}}
MERCATO_OUTBOX_POLL_MS: "50"
KAFKA_BOOTSTRAP_SERVERS: {{ include "mercato.brokers" .root }}
{{- $d := (get $v $service).database }}
{{- $host := $d.host | default (include "mercato.name" (dict "root" $root "component" (print "postgres-" $service))) }}
{{- $place := printf "host=%s port=%d dbname=%s sslmode=%s" $host (int $d.port) ($d.name | default $service) $d.sslmode }}
MERCATO_DATABASE_OWNER_URL: {{ $place }} user={{ $d.ownerUser | default (print $service "_owner") }}
MERCATO_DATABASE_URL: {{ $place }} user={{ $d.appUser | default (print $service "_app") }}
{{- end }}
{{- if has $service (list "cart" "order") }}
MERCATO_URL_INVENTORY: http://{{ include "mercato.name" (dict "root" $root "component" "inventory") }}:8103
{{- end }}
{{- if eq $service "order" }}
MERCATO_URL_CART: http://{{ include "mercato.name" (dict "root" $root "component" "cart") }}:8101
{{- end }}
{{- if eq $service "payment" }}
MERCATO_URL_PROVIDER: http://{{ include "mercato.name" (dict "root" $root "component" "payment-provider") }}:8105
{{- end }}
{{- if eq $service "payment-provider" }}
MERCATO_PROVIDER_JOURNAL: /var/lib/mercato/journal.jsonl
{{- end }}
{{- if and (eq $service "gateway") (or $v.gateway.policies $v.gateway.existingPolicies) }}
MERCATO_GATEWAY_POLICIES: /etc/mercato/policies.yaml
{{- end }}
{{- end -}}

{{- define "mercato.brokers" -}}
{{ .Values.kafka.bootstrapServers | default (printf "%s:9092" (include "mercato.name" (dict "root" . "component" "kafka"))) }}
{{- end -}}

{{/* Settings that hold a secret, or lead to one. */}}
{{- define "mercato.secretSettings" -}}
{{- $root := .root -}}
{{- $v := .root.Values -}}
{{- $service := .service -}}
{{- if has $service (splitList " " (include "mercato.durable" .root)) }}
- name: MERCATO_DATABASE_OWNER_PASSWORD_FILE
  value: /run/secrets/mercato/database/owner-password
- name: MERCATO_DATABASE_PASSWORD_FILE
  value: /run/secrets/mercato/database/app-password
{{- end }}
{{- if has $service (list "gateway" "cart" "inventory") }}
{{- $host := $v.redis.host | default (include "mercato.name" (dict "root" $root "component" "redis")) }}
{{- if and $v.redis.host $v.redis.existingSecret }}
- name: REDIS_PASSWORD
  valueFrom: { secretKeyRef: { name: {{ $v.redis.existingSecret | quote }}, key: password } }
- name: MERCATO_REDIS_URL
  value: "redis://:$(REDIS_PASSWORD)@{{ $host }}:{{ $v.redis.port }}"
{{- else }}
- name: MERCATO_REDIS_URL
  value: "redis://{{ $host }}:{{ $v.redis.port }}"
{{- end }}
{{- end }}
{{- if eq $service "gateway" }}
- name: MERCATO_ADMIN_TOKEN_FILE
  value: /run/secrets/mercato/admin/token
{{- end }}
{{- end -}}

{{/* The environment of mercatoctl in a pod of the release. */}}
{{- define "mercato.ctlSettings" -}}
- name: MERCATO_GATEWAY_URL
  value: http://{{ include "mercato.name" (dict "root" . "component" "gateway") }}:{{ .Values.gateway.service.port }}
- name: MERCATO_ADMIN_URL
  value: http://{{ include "mercato.name" (dict "root" . "component" "gateway-admin") }}:8081
- name: MERCATO_ADMIN_TOKEN_FILE
  value: /run/secrets/mercato/admin/token
{{- if and .Values.tracing.enabled (not .Values.tracing.endpoint) }}
- name: MERCATO_JAEGER_URL
  value: http://{{ include "mercato.name" (dict "root" . "component" "jaeger") }}:16686
{{- end }}
{{- end -}}
