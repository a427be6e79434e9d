{{/* Arguments: dict "root" $ "persistence" {size, storageClass} "component" "kafka" */}}
{{- define "mercato.claim" -}}
- metadata:
    name: data
    labels:
      {{- include "mercato.selector" (dict "root" .root "component" .component) | nindent 6 }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .persistence.storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources: { requests: { storage: {{ .persistence.size }} } }
{{- end -}}
