{{/* The prefix of every name: the release's, with the chart's when it does not say so itself. */}}
{{- define "mercato.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Arguments: dict "root" $ "component" "cart" */}}
{{- define "mercato.name" -}}
{{ include "mercato.fullname" .root }}-{{ .component }}
{{- end -}}

{{- define "mercato.selector" -}}
app.kubernetes.io/name: mercato
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "mercato.labels" -}}
{{ include "mercato.selector" . }}
app.kubernetes.io/version: {{ .root.Values.images.tag | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* Image of a program of ours. Arguments: dict "root" $ "program" "cart" */}}
{{- define "mercato.image" -}}
{{- $i := .root.Values.images -}}
{{- if $i.registry }}{{ $i.registry }}/{{ end }}{{ $i.repository }}/{{ .program }}:{{ $i.tag }}
{{- end -}}

{{/* The services in the order in which a checkout meets them. The key in the values is the name
     without "payment-" for the provider. */}}
{{- define "mercato.services" -}}
gateway cart order inventory payment payment-provider
{{- end -}}

{{- define "mercato.key" -}}
{{ eq . "payment-provider" | ternary "provider" . }}
{{- end -}}

{{- define "mercato.durable" -}}
cart order inventory payment
{{- end -}}

{{- define "mercato.apiPort" -}}
{{ get (dict "gateway" 8080 "cart" 8101 "order" 8102 "inventory" 8103 "payment" 8104 "payment-provider" 8105) . }}
{{- end -}}

{{- define "mercato.opsPort" -}}
{{ get (dict "gateway" 8081 "cart" 8201 "order" 8202 "inventory" 8203 "payment" 8204 "payment-provider" 8205) . }}
{{- end -}}

{{/* What the restricted Pod Security level asks of a pod. Arguments: dict "user" 10001 */}}
{{- define "mercato.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "mercato.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: {{ .readOnly }}
capabilities: { drop: [ALL] }
{{- end -}}

{{/* Where and how pods run; the same for all of them. */}}
{{- define "mercato.placement" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.images.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.pod.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "mercato.adminSecret" -}}
{{ .Values.gateway.admin.existingSecret | default (include "mercato.name" (dict "root" . "component" "admin")) }}
{{- end -}}

{{/* Secret with the passwords of a service's database. Arguments: dict "root" $ "service" "cart" */}}
{{- define "mercato.databaseSecret" -}}
{{- $d := (get .root.Values .service).database -}}
{{- $d.existingSecret | default (include "mercato.name" (dict "root" .root "component" (print "postgres-" .service))) -}}
{{- end -}}

{{- define "mercato.tracesEndpoint" -}}
{{ .Values.tracing.endpoint | default (printf "http://%s:4318" (include "mercato.name" (dict "root" . "component" "jaeger"))) }}
{{- end -}}

{{/* The first port in a URL, or its scheme's. */}}
{{- define "mercato.urlPort" -}}
{{- $u := urlParse . -}}
{{- $p := regexFind ":[0-9]+$" $u.host -}}
{{- if $p }}{{ trimPrefix ":" $p }}{{ else if eq $u.scheme "https" }}443{{ else }}80{{ end -}}
{{- end -}}

{{/* What a schema cannot say; each message names the value and what to do. */}}
{{- define "mercato.validate" -}}
{{- range $s := splitList " " (include "mercato.durable" .) -}}
{{- $d := (get $.Values $s).database -}}
{{- if and $d.host (not $d.existingSecret) -}}
{{- fail (printf "%s.database.host is %q, so %s.database.existingSecret is needed: a Secret of this namespace with the keys owner-password and app-password, made by\n  kubectl -n %s create secret generic %s-database --from-literal=owner-password=… --from-literal=app-password=…" $s $d.host $s $.Release.Namespace $s) -}}
{{- end -}}
{{- if and $d.existingSecret (not $d.host) -}}
{{- fail (printf "%s.database.existingSecret is set but %s.database.host is not: the release's own PostgreSQL has its own Secret. Name the outside server, or leave both empty." $s $s) -}}
{{- end -}}
{{- end -}}
{{- range $s := list "gateway" "cart" "order" "inventory" "payment" -}}
{{- $a := (get $.Values $s).autoscaling -}}
{{- if gt (int $a.minReplicas) (int $a.maxReplicas) -}}
{{- fail (printf "%s.autoscaling: minReplicas %d is more than maxReplicas %d" $s (int $a.minReplicas) (int $a.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.drain -}}
{{- if ge (int .waitSeconds) (int .limitSeconds) -}}
{{- fail (printf "drain.waitSeconds %d leaves nothing of drain.limitSeconds %d to finish requests in" (int .waitSeconds) (int .limitSeconds)) -}}
{{- end -}}
{{- if ge (int .limitSeconds) (int .graceSeconds) -}}
{{- fail (printf "drain.limitSeconds %d must be less than drain.graceSeconds %d: a pod would be killed while it still drains" (int .limitSeconds) (int .graceSeconds)) -}}
{{- end -}}
{{- end -}}
{{- with .Values.gateway -}}
{{- if and .policies .existingPolicies -}}
{{- fail "gateway.policies and gateway.existingPolicies are both set; only one is allowed" -}}
{{- end -}}
{{- if and .ingress.enabled (not .ingress.hosts) -}}
{{- fail "gateway.ingress.enabled is true but gateway.ingress.hosts is empty: name at least one host" -}}
{{- end -}}
{{- end -}}
{{- end -}}
