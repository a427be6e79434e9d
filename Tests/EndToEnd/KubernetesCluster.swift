import Foundation
import NativeServers
import Support

/// The cluster that the tests use, driven with make, helm and kubectl as a user does it: the one of
/// `KUBECONFIG` when `IMAGE_LOAD` says how images get there, else a kind cluster of its own.
struct KubernetesCluster: Sendable {
    private let environment: [String: String]
    private let isKind: Bool
    /// A namespace of our own: a release that somebody uses is left alone.
    static let namespace = "mercato-test"

    /// Images may have to be built first; on two cores that takes minutes.
    static let limit = Duration.seconds(1_800)

    init() throws {
        var values = ProcessInfo.processInfo.environment
        isKind = (values["IMAGE_LOAD"] ?? "").isEmpty
        values["MERCATO_NAMESPACE"] = Self.namespace
        if isKind {
            values["KIND_CLUSTER"] = "mercato-test"
            values["KUBECONFIG"] = try ScratchFolder.make("kubernetes") + "/kubeconfig"
            values["MERCATO_PORT_GATEWAY"] = String(try FreePort.any())
        }
        environment = values
    }

    func install(_ arguments: String = "", readySeconds: Int = 600) async throws -> Command.Outcome {
        var values = environment
        values["HELM_ARGS"] = arguments
        values["MERCATO_READY_SECONDS"] = String(readySeconds)
        return try await run(
            "make", ["-C", ComposeProject.root, isKind ? "kind-up" : "k8s-install"], values)
    }

    /// Places an order from inside and verifies the books.
    func test() async throws -> Command.Outcome {
        try await run("make", ["-C", ComposeProject.root, "k8s-test"], environment)
    }

    func kubectl(_ arguments: String..., input: String? = nil) async throws -> Command.Outcome {
        try await run("kubectl", ["-n", Self.namespace] + arguments, environment, input: input)
    }

    func helm(_ arguments: String...) async throws -> Command.Outcome {
        try await run("helm", ["-n", Self.namespace] + arguments, environment)
    }

    /// Runs `body` and leaves nothing behind, whatever happens.
    func whileItLasts(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch {
            try await remove()
            throw error
        }
        try await remove()
    }

    private func remove() async throws {
        if isKind {
            _ = try await run("make", ["-C", ComposeProject.root, "kind-down"], environment)
        } else {
            _ = try await kubectl("delete", "namespace", Self.namespace, "--wait=true")
        }
    }

    /// A pod of the restricted level that runs a command of bash in mercatoctl's image.
    ///
    /// - Parameter component: what it says it is; nil for a pod without any label.
    func pod(_ name: String, component: String?, command: String) async throws {
        let labels = component.map {
            "labels: {app.kubernetes.io/name: mercato, app.kubernetes.io/instance: mercato, "
                + "app.kubernetes.io/component: \($0)}"
        }
        let manifest = """
            apiVersion: v1
            kind: Pod
            metadata:
              name: \(name)
              \(labels ?? "labels: {}")
            spec:
              restartPolicy: Never
              automountServiceAccountToken: false
              securityContext: {runAsNonRoot: true, runAsUser: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
              containers:
                - name: it
                  image: mercato/mercatoctl:dev
                  securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
                  command: [/bin/bash, -c, \(Self.quoted(command))]
                  env:
                    - {name: MERCATO_GATEWAY_URL, value: "http://mercato-gateway:80"}
                    - {name: MERCATO_ADMIN_URL, value: "http://mercato-gateway-admin:8081"}
                    - {name: MERCATO_ADMIN_TOKEN_FILE, value: /run/secrets/admin/token}
                    - {name: MERCATO_BROKER, value: ""}
                    - {name: MERCATO_HOME, value: /tmp/mercato}
                  volumeMounts: [{name: admin, mountPath: /run/secrets/admin, readOnly: true}]
              volumes: [{name: admin, secret: {secretName: mercato-admin, defaultMode: 0440}}]
            """
        _ = try await kubectl("delete", "pod", name, "--ignore-not-found", "--wait=true")
        let made = try await kubectl("apply", "-f", "-", input: manifest)
        guard made.status == 0 else { throw MissingProgram(description: made.errors) }
    }

    /// What a pod has printed, once it has ended.
    func output(of pod: String) async throws -> (succeeded: Bool, text: String) {
        try await eventually("the end of the pod \(pod)", within: .seconds(600), every: .seconds(1)) {
            ["Succeeded", "Failed"].contains(try await phase(of: pod))
        }
        let succeeded = try await phase(of: pod) == "Succeeded"
        return (succeeded, try await kubectl("logs", pod).output)
    }

    private func phase(of pod: String) async throws -> String {
        try await kubectl("get", "pod", pod, "-o", "jsonpath={.status.phase}").output
    }

    private static func quoted(_ text: String) -> String {
        "'" + text.replacingOccurrences(of: "'", with: "''") + "'"
    }

    private func run(
        _ program: String, _ arguments: [String], _ environment: [String: String],
        input: String? = nil
    ) async throws -> Command.Outcome {
        guard let path = Command.find(program) else {
            throw MissingProgram(description: "\(program) is not on PATH")
        }
        return try await Blocking.run {
            try Command.run(
                path, arguments, environment: environment, input: input, limit: Self.limit)
        }
    }
}
