import Basics
import Foundation
import NativeServers

/// A release of the chart, reached through `kubectl port-forward` children that live as long as the
/// command does.
package struct KubernetesPlace: Sendable {
    package let namespace: String
    package let release: String
    private let kubectl: ExternalTool

    /// The secret that holds the admin port's token: named as the chart's own resources are, after the
    /// release, unless that has the word itself.
    var adminSecret: String {
        (release.contains("mercato") ? release : "\(release)-mercato") + "-admin"
    }
    private static let tokenKey = "token"

    package init(_ environment: [String: String], _ kubectl: ExternalTool) {
        func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        namespace = value("MERCATO_NAMESPACE") ?? "mercato"
        release = value("MERCATO_RELEASE") ?? "mercato"
        self.kubectl = kubectl
    }

    /// A port of a service of the release.
    struct Target: Sendable, Equatable {
        let service: String
        let port: Int
    }

    /// The services of the release. None is a failure that says what to do.
    func services() async throws(CommandFailure) -> ServiceList {
        let text = try await kubectl.run([
            "--namespace", namespace, "get", "services",
            "--selector", "app.kubernetes.io/instance=\(release)", "--output", "json",
        ])
        let list = try ServiceList(text)
        guard !list.isEmpty else {
            throw CommandFailure(
                .failed, "there is no release \"\(release)\" in the namespace \"\(namespace)\"",
                details: [
                    "install it: make kind-up, or: make k8s-install",
                    "another one is named by MERCATO_NAMESPACE and MERCATO_RELEASE; "
                        + "which cluster: kubectl config current-context",
                ])
        }
        return list
    }

    /// The admin port's token; nil when the release has none.
    func token() async throws(CommandFailure) -> Secret<String>? {
        let outcome = try await kubectl.outcome(of: [
            "--namespace", namespace, "get", "secret", adminSecret,
            "--ignore-not-found", "--output", "jsonpath={.data.\(Self.tokenKey)}",
        ])
        guard outcome.status == 0 else {
            throw CommandFailure(
                .failed, "the secret \(adminSecret) in \(namespace) cannot be read",
                details: outcome.errors.split(separator: "\n").suffix(3).map(String.init))
        }
        guard let data = Data(base64Encoded: outcome.output.trimmingCharacters(in: .whitespacesAndNewlines)),
            !data.isEmpty
        else { return nil }
        return Secret(
            String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    func forward(_ target: Target) async throws -> PortForward {
        try await PortForward.open(kubectl, namespace: namespace, target)
    }

    /// The ports of the release's services, read from `kubectl get services -o json`.
    struct ServiceList: Sendable {
        private struct Port: Decodable {
            let name: String?
            let port: Int
            /// A number, or the name of the container's port.
            let target: String?

            private enum Keys: String, CodingKey { case name, port, targetPort }

            init(from decoder: any Decoder) throws {
                let values = try decoder.container(keyedBy: Keys.self)
                name = try values.decodeIfPresent(String.self, forKey: .name)
                port = try values.decode(Int.self, forKey: .port)
                // Ignored: a number and a text are both allowed here; whichever it is.
                let number = try? values.decodeIfPresent(Int.self, forKey: .targetPort)
                target = try number.map(String.init)
                    ?? values.decodeIfPresent(String.self, forKey: .targetPort)
            }
        }
        private struct Document: Decodable {
            struct Item: Decodable {
                struct Metadata: Decodable { let name: String }
                struct Spec: Decodable { let ports: [Port]? }
                let metadata: Metadata
                let spec: Spec
            }
            let items: [Item]
        }
        private let ports: [(service: String, port: Int, name: String?, target: String?)]

        init(_ text: String) throws(CommandFailure) {
            do {
                let document = try JSONDecoder().decode(Document.self, from: Data(text.utf8))
                ports = document.items.flatMap { item in
                    (item.spec.ports ?? []).map { (item.metadata.name, $0.port, $0.name, $0.target) }
                }
            } catch {
                throw CommandFailure(.failed, "kubectl get services printed what cannot be read: \(error)")
            }
        }

        var isEmpty: Bool { ports.isEmpty }

        /// The port that leads to `number` in the containers of a service whose name holds `part`.
        func target(_ part: String, _ number: Int, named name: String) -> Target? {
            ports.first {
                $0.service.contains(part)
                    && ($0.port == number || $0.target == String(number) || $0.name == name
                        || $0.target == name)
            }.map { Target(service: $0.service, port: $0.port) }
        }
    }
}
