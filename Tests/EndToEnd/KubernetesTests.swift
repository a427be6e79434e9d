import Foundation
import NativeServers
import Support
import Testing

/// The chart on a real cluster, from nothing and back to nothing.
@Suite(
    .serialized, .timeLimit(.minutes(45)),
    // Needs a Docker engine for the images, and makes a kind cluster or uses the given one.
    .enabled(
        if: Gate.isOpen("MERCATO_TEST_K8S"),
        "Kubernetes: run by make test-k8s, which needs kind, or KUBECONFIG and IMAGE_LOAD"))
struct KubernetesTests {
    private static let services = [
        "gateway", "cart", "order", "inventory", "payment", "payment-provider",
    ]

    /// Three of them by default; `MERCATO_TEST_K8S_DELETE="cart …"` names others.
    private static var deleted: [String] {
        (ProcessInfo.processInfo.environment["MERCATO_TEST_K8S_DELETE"] ?? "gateway order payment")
            .split(separator: " ").map(String.init)
    }

    @Test func `from nothing to a confirmed order, through lost pods and a new revision, and away`()
        async throws
    {
        let cluster = try KubernetesCluster()
        try await cluster.whileItLasts {
            let up = try await cluster.install()
            try #require(up.status == 0, "\(up.output)\(up.errors)")
            let bought = try await cluster.test()
            try #require(bought.status == 0, "\(bought.output)\(bought.errors)")
            #expect(bought.output.contains("smoke passed"))
            #expect(bought.output.contains("all invariants hold"))

            try await isRestricted(cluster)
            try await isClosed(cluster)
            try await survives("the loss of pods", cluster) {
                for service in Self.deleted { try await loseOnePod(of: service, cluster) }
            }
            try await survives("a new revision", cluster) { try await restartAll(cluster) }
            try await refusedPasswordIsNamed(cluster)
        }
    }

    /// The namespace lets in nothing that could become root; our own pods came in.
    private func isRestricted(_ cluster: KubernetesCluster) async throws {
        let refused = try await cluster.kubectl(
            "run", "anything", "--image=mercato/mercatoctl:dev", "--restart=Never")
        #expect(refused.status != 0)
        #expect(refused.errors.contains("violates PodSecurity \"restricted"), "\(refused.errors)")
        let tokens = try await cluster.kubectl(
            "get", "pods", "-l", "app.kubernetes.io/instance=mercato", "-o",
            "jsonpath={.items[*].spec.volumes[*].projected.sources[*].serviceAccountToken}")
        #expect(tokens.output.isEmpty, "a pod has a token of the cluster")
    }

    /// The shop's door is open to everybody, and nothing else is: neither to a stranger nor to a
    /// pod of the release that has no business there.
    private func isClosed(_ cluster: KubernetesCluster) async throws {
        let knock = { (places: String) in
            "for p in \(places); do timeout 5 bash -c \"exec 3<>/dev/tcp/$p\" 2>/dev/null "
                + "&& echo $p open || echo $p closed; done"
        }
        // The cluster's network learns of a new pod a moment after the pod has begun.
        let known = { (place: String) in
            "for i in {1..30}; do timeout 2 bash -c \"exec 3<>/dev/tcp/\(place)\" 2>/dev/null "
                + "&& break; sleep 1; done; "
        }
        let inside = "mercato-gateway-admin/8081 mercato-order/8102 mercato-order/8202 "
            + "mercato-postgres-order/5432 mercato-redis/6379 mercato-kafka/9092"
        try await cluster.pod(
            "stranger", component: nil, command: known("mercato-gateway/80") + knock("mercato-gateway/80 \(inside)"))
        let stranger = try await cluster.output(of: "stranger").text.split(separator: "\n")
        #expect(stranger.count == 7 && stranger.first == "mercato-gateway/80 open", "\(stranger)")
        #expect(stranger.dropFirst().allSatisfy { $0.hasSuffix(" closed") }, "\(stranger)")

        try await cluster.pod(
            "tool", component: "ctl",
            command: known("mercato-gateway-admin/8081")
                + knock("mercato-gateway-admin/8081 mercato-postgres-order/5432"))
        let tool = try await cluster.output(of: "tool").text
        #expect(
            tool == "mercato-gateway-admin/8081 open\nmercato-postgres-order/5432 closed\n",
            "\(tool)")
    }

    /// Orders at a fixed rate from inside the cluster, a fault in the middle of them, clean books.
    private func survives(
        _ what: String, _ cluster: KubernetesCluster, _ fault: () async throws -> Void
    ) async throws {
        try await cluster.pod(
            "load", component: "ctl",
            command: "mercatoctl load --profile checkout --rate 3 --duration 60s --allow-remote")
        try await eventually("load", within: .seconds(60), every: .seconds(1)) {
            try await cluster.kubectl("get", "pod", "load", "-o", "jsonpath={.status.phase}").output
                == "Running"
        }
        try await fault()
        let load = try await cluster.output(of: "load")
        print("\(what), under load:\n\(load.text)")
        // The thresholds are for a machine that does nothing else; the books are for all of them.
        let check = try await cluster.test()
        #expect(check.status == 0, "\(what): \(check.output)\(check.errors)\(load.text)")
    }

    private func loseOnePod(of service: String, _ cluster: KubernetesCluster) async throws {
        let selector = "app.kubernetes.io/component=\(service)"
        let pod = try await cluster.kubectl(
            "get", "pods", "-l", selector, "-o", "jsonpath={.items[0].metadata.name}"
        ).output
        let gone = try await cluster.kubectl("delete", "pod", pod, "--wait=true")
        #expect(gone.status == 0, "\(gone.errors)")
        let back = try await cluster.kubectl(
            "rollout", "status", "deployment/mercato-\(service)", "--timeout=180s")
        #expect(back.status == 0, "\(service): \(back.output)\(back.errors)")
    }

    private func restartAll(_ cluster: KubernetesCluster) async throws {
        let chart = ComposeProject.root + "/helm/mercato"
        let upgraded = try await cluster.helm(
            "upgrade", "mercato", chart, "--reuse-values", "--set-string",
            "pod.annotations.restarted=yes", "--wait", "--timeout", "10m")
        #expect(upgraded.status == 0, "\(upgraded.errors)")
        let pods = try await cluster.kubectl(
            "get", "pods", "-o", "jsonpath={.items[*].metadata.annotations.restarted}").output
        #expect(pods.split(separator: " ").count >= Self.services.count, "\(pods)")
    }

    /// An outside server that knows other passwords: the start fails, and says whose and where.
    private func refusedPasswordIsNamed(_ cluster: KubernetesCluster) async throws {
        let outside = "\(KubernetesCluster.namespace)-outside"
        let made = try await cluster.kubectl(
            "apply", "-n", outside, "-f", "-", input: Self.outsideServer(outside))
        #expect(made.status == 0, "\(made.errors)")
        _ = try await cluster.kubectl(
            "wait", "-n", outside, "--for=condition=Ready", "pod/postgres", "--timeout=180s")
        _ = try await cluster.kubectl(
            "create", "secret", "generic", "wrong", "--from-literal=owner-password=wrong",
            "--from-literal=app-password=wrong")
        let failed = try await cluster.install(
            "--set cart.database.host=postgres.\(outside),cart.database.existingSecret=wrong",
            readySeconds: 60)
        #expect(failed.status != 0)
        let said = failed.output + failed.errors
        #expect(said.contains("postgres.\(outside):5432/cart"), "\(said)")
        #expect(said.contains("password authentication failed for user \"cart_"), "\(said)")
        #expect(said.contains("the release does not become ready"), "\(said)")
        _ = try await cluster.kubectl("delete", "namespace", outside, "--wait=false")
    }

    /// A server of another namespace, which has never heard of our roles; it asks them for a
    /// password all the same, and refuses whatever they say.
    private static func outsideServer(_ namespace: String) -> String {
        """
        {apiVersion: v1, kind: Namespace, metadata: {name: \(namespace)}}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: postgres, namespace: \(namespace), labels: {app: postgres}}
        spec:
          containers:
            - name: postgres
              image: postgres:17-bookworm
              env: [{name: POSTGRES_PASSWORD, value: right}]
              readinessProbe: {tcpSocket: {port: 5432}, periodSeconds: 1}
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: postgres, namespace: \(namespace)}
        spec: {selector: {app: postgres}, ports: [{port: 5432}]}
        """
    }
}
