{{/* The spec of a pod in which mercatoctl runs a command of the shell.
     Arguments: dict "root" $ "name" "seed" "command" "mercatoctl seed" */}}
{{- define "mercato.ctlPod" -}}
serviceAccountName: {{ include "mercato.name" (dict "root" .root "component" "ctl") }}
{{ include "mercato.placement" .root }}
restartPolicy: Never
securityContext:
  {{- include "mercato.podSecurity" (dict "user" 10001) | nindent 2 }}
containers:
  - name: {{ .name }}
    image: {{ include "mercato.image" (dict "root" .root "program" "mercatoctl") }}
    imagePullPolicy: {{ .root.Values.images.pullPolicy }}
    command: [/bin/sh, -ec, {{ .command | quote }}]
    terminationMessagePolicy: FallbackToLogsOnError
    securityContext:
      {{- include "mercato.containerSecurity" (dict "readOnly" true) | nindent 6 }}
    env:
      {{- include "mercato.ctlSettings" .root | nindent 6 }}
      # The images' own setting is for services.
      - { name: MERCATO_BROKER, value: "" }
      # It looks for a state folder of its own; here it has none.
      - { name: MERCATO_HOME, value: /tmp/mercato }
    volumeMounts:
      - { name: admin, mountPath: /run/secrets/mercato/admin, readOnly: true }
      - { name: scratch, mountPath: /tmp }
    resources:
      {{- toYaml .root.Values.ctl.resources | nindent 6 }}
volumes:
  - name: admin
    secret: { secretName: {{ include "mercato.adminSecret" .root | quote }}, defaultMode: 0440, items: [{ key: token, path: token }] }
  - name: scratch
    emptyDir: { sizeLimit: 16Mi }
{{- end -}}
