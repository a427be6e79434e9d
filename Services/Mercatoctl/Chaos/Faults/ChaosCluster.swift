import Foundation
package import Sockets

/// The release's pods, workloads and network policies, by `kubectl`.
package struct ChaosCluster: Sendable {
    package struct Pod: Sendable, Equatable {
        package let name: String
        /// The cluster's own id: a pod that was replaced has another one.
        package let identity: String
        package let isReady: Bool
    }

    /// A deployment or stateful set.
    package struct Workload: Sendable, Equatable {
        /// As kubectl names it: `deployment.apps/mercato-payment`.
        package let name: String
        package let replicas: Int
    }

    /// A network policy, as the JSON that makes it again.
    package struct Policy: Sendable, Equatable {
        package let name: String
        package let manifest: String
    }

    /// Until as many pods as before are ready again.
    package static let backWithin = Duration.seconds(90)

    package let namespace: String
    package let release: String
    private let kubectl: ExternalTool
    private let loop: EventLoop

    package init(namespace: String, release: String, kubectl: ExternalTool, loop: EventLoop) {
        self.namespace = namespace
        self.release = release
        self.kubectl = kubectl
        self.loop = loop
    }

    private func selector(_ component: String) -> [String] {
        let name = "app.kubernetes.io"
        return [
            "--selector", "\(name)/instance=\(release),\(name)/component=\(component)",
        ]
    }

    @discardableResult
    private func run(_ arguments: [String], input: String? = nil) async throws(CommandFailure)
        -> String
    {
        try await kubectl.run(["--namespace", namespace] + arguments, input: input)
    }

    // MARK: Looking

    package func pods(_ component: String) async throws(CommandFailure) -> [Pod] {
        try Self.pods(try await run(["get", "pods", "--output", "json"] + selector(component)))
    }

    /// Pods on their way out no longer count.
    package static func pods(_ text: String) throws(CommandFailure) -> [Pod] {
        struct List: Decodable {
            struct Item: Decodable {
                struct Metadata: Decodable { let name, uid: String; let deletionTimestamp: String? }
                struct Status: Decodable {
                    struct Condition: Decodable { let type, status: String }
                    let conditions: [Condition]?
                }
                let metadata: Metadata
                let status: Status
            }
            let items: [Item]
        }
        return try decode(List.self, text).items.filter { $0.metadata.deletionTimestamp == nil }
            .map { item in
                let isReady = item.status.conditions?.contains {
                    $0.type == "Ready" && $0.status == "True"
                }
                return Pod(
                    name: item.metadata.name, identity: item.metadata.uid,
                    isReady: isReady ?? false)
            }
    }

    package func workloads(_ component: String) async throws(CommandFailure) -> [Workload] {
        let path = #"{range .items[*]}{.kind}/{.metadata.name} {.spec.replicas}{"\n"}{end}"#
        let text = try await run(
            ["get", "deployments,statefulsets", "--output", "jsonpath=\(path)"]
                + selector(component))
        return text.split(separator: "\n").compactMap { line in
            let parts = line.split(separator: " ")
            guard parts.count == 2, let replicas = Int(parts[1]) else { return nil }
            return Workload(name: parts[0].lowercased(), replicas: replicas)
        }
    }

    package func policies(_ component: String) async throws(CommandFailure) -> [Policy] {
        try Self.policies(
            try await run(["get", "networkpolicies", "--output", "json"] + selector(component)))
    }

    /// What the cluster adds to a policy (versions, dates) must not be sent back to it.
    package static func policies(_ text: String) throws(CommandFailure) -> [Policy] {
        let list: [JSONObject]
        list = try JSONObject(text.utf8, what: "kubectl get networkpolicies").objects("items")
        var policies: [Policy] = []
        for item in list {
            let name = try item.object("metadata").text("name")
            policies.append(
                Policy(name: name, manifest: try item.manifest(keeping: ["name", "labels", "annotations"])))
        }
        return policies
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String)
        throws(CommandFailure) -> Value
    {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw CommandFailure(.failed, "kubectl printed what cannot be read: \(error)")
        }
    }

    // MARK: Acting

    /// - Parameter atOnce: without a signal that the program could heed.
    package func delete(_ pods: [Pod], atOnce: Bool) async throws(CommandFailure) {
        try await run(
            ["delete", "pod", "--wait=false"] + (atOnce ? ["--grace-period=0", "--force"] : [])
                + pods.map(\.name))
    }

    package func scale(_ workload: Workload, to replicas: Int) async throws(CommandFailure) {
        try await run(["scale", workload.name, "--replicas=\(replicas)"])
    }

    package func policyName(_ component: String) -> String { "\(release)-chaos-\(component)" }

    /// Policies only ever allow, and one that allows wins; so those that speak for the component are
    /// taken away, and one that allows nothing takes their place.
    package func cutOff(_ component: String, _ policies: [Policy]) async throws(CommandFailure) {
        let labels = [
            "app.kubernetes.io/instance": release, "app.kubernetes.io/component": component,
        ].sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",")
        let policy = #"{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","#
            + #""metadata":{"name":"\#(policyName(component))"},"spec":{"podSelector":"#
            + #"{"matchLabels":{\#(labels)}},"policyTypes":["Ingress","Egress"]}}"#
        try await run(["apply", "--filename", "-"], input: policy)
        for policy in policies { try await run(["delete", "networkpolicy", policy.name]) }
    }

    package func letThrough(_ component: String, _ policies: [Policy]) async throws(CommandFailure) {
        for policy in policies {
            try await run(["apply", "--filename", "-"], input: policy.manifest)
        }
        try await run(["delete", "networkpolicy", policyName(component), "--ignore-not-found"])
    }

    package func awaitReady(_ component: String, _ count: Int) async throws {
        let end = ContinuousClock.now + Self.backWithin
        while try await pods(component).count(where: \.isReady) < count {
            guard ContinuousClock.now < end else {
                throw CommandFailure(
                    .failed, "\(component) has not \(count) ready pods again after \(Self.backWithin)")
            }
            try await loop.sleep(for: .milliseconds(500))
        }
    }
}
