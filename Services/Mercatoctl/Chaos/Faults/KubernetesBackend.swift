/// Faults by `kubectl`: pods deleted, workloads scaled to nothing, network policies that let nothing
/// through. The cluster itself brings deleted pods back.
package struct KubernetesBackend: ChaosBackend {
    package let place = PlaceKind.kubernetes
    private let cluster: ChaosCluster
    private let admin: AdminAPI

    package init(_ cluster: ChaosCluster, admin: AdminAPI) {
        self.cluster = cluster
        self.admin = admin
    }

    package func obstacle(to fault: ChaosFault) -> String? {
        switch fault.action {
        case .pause: "Kubernetes cannot freeze a pod; Compose and native can"
        case .wipe: "the broker's log is a volume that outlives its pod"
        case .disconnect where fault.target == .gateway || fault.target == .redis:
            "nobody could tell: \(fault.target.rawValue) has no readiness that depends on others"
        case .kill, .restart, .disconnect, .scaleToZero, .provider: nil
        }
    }

    package func injector(for fault: ChaosFault) async throws -> any FaultInjector {
        if fault.action == .provider { return ProviderInjector(admin, fault) }
        let component = Self.component(fault.target)
        let pods = try await cluster.pods(component)
        guard !pods.isEmpty else {
            throw CommandFailure(
                .failed, "the release \"\(cluster.release)\" has no pod of \(component) in the "
                    + "namespace \"\(cluster.namespace)\"",
                details: [
                    "is it one of the chart's own? kubectl --namespace \(cluster.namespace) get pods"
                ])
        }
        let workloads = fault.action == .scaleToZero ? try await cluster.workloads(component) : []
        let policies = fault.action == .disconnect ? try await cluster.policies(component) : []
        return KubernetesInjector(
            cluster: cluster, component: component, fault: fault, before: pods,
            workloads: workloads, policies: policies)
    }

    /// The chart's label `app.kubernetes.io/component`.
    static func component(_ target: ChaosTarget) -> String {
        target == .broker ? "kafka" : target.rawValue
    }
}

/// The pods of one component.
struct KubernetesInjector: FaultInjector {
    let cluster: ChaosCluster
    let component: String
    let fault: ChaosFault
    /// As they were before the fault.
    let before: [ChaosCluster.Pod]
    let workloads: [ChaosCluster.Workload]
    let policies: [ChaosCluster.Policy]

    func strike() async throws -> String {
        switch fault.action {
        case .scaleToZero:
            for workload in workloads { try await cluster.scale(workload, to: 0) }
            return "kubectl scale \(names(workloads)) --replicas=0"
        case .disconnect:
            try await cluster.cutOff(component, policies)
            return "network policy \(cluster.policyName(component)): nothing in, nothing out"
        case .restart:
            try await cluster.delete(before, atOnce: false)
            return "kubectl delete pod \(podNames)"
        case .kill, .pause, .wipe, .provider:
            try await cluster.delete(before, atOnce: true)
            return "kubectl delete pod \(podNames) --grace-period=0 --force"
        }
    }

    func mend() async throws -> String {
        var done = "the cluster replaced the pods"
        switch fault.action {
        case .scaleToZero:
            for workload in workloads { try await cluster.scale(workload, to: workload.replicas) }
            let numbers = workloads.map { String($0.replicas) }.joined(separator: ", ")
            done = "kubectl scale \(names(workloads)) --replicas=\(numbers)"
        case .disconnect:
            try await cluster.letThrough(component, policies)
            done = "network policy \(cluster.policyName(component)) removed"
        case .kill, .restart, .pause, .wipe, .provider: break
        }
        try await cluster.awaitReady(component, before.count)
        return done
    }

    func look() async -> [Sighting] {
        let pods: [ChaosCluster.Pod]
        do {
            pods = try await cluster.pods(component)
        } catch {
            return [Sighting("kubectl get pods, \(component)", "fails")]
        }
        return [sighting(pods)]
    }

    /// New pods have new UIDs: even one that came back between two looks is found out.
    func sighting(_ pods: [ChaosCluster.Pod]) -> Sighting {
        let ready = pods.count(where: \.isReady)
        let known = Set(before.map(\.identity))
        let fresh = pods.count { !known.contains($0.identity) }
        let proves =
            switch fault.action {
            case .kill, .restart: fresh > 0 || ready == 0
            case .scaleToZero: ready == 0
            case .pause, .wipe, .disconnect, .provider: ready == 0
            }
        return Sighting(
            "kubectl get pods, \(component)",
            "\(ready) of \(pods.count) ready" + (fresh > 0 ? ", \(fresh) with a new UID" : ""),
            provesFault: proves)
    }

    private var podNames: String { before.map(\.name).joined(separator: " ") }

    private func names(_ workloads: [ChaosCluster.Workload]) -> String {
        workloads.map(\.name).joined(separator: " ")
    }
}
