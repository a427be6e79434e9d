import Foundation
import NativeServers
import Testing

/// What can be said of the chart without a cluster.
@Suite(
    // Renders with helm, which is not in any distribution.
    .enabled(
        if: Command.find("helm") != nil,
        "Kubernetes: helm is not on PATH (https://helm.sh/docs/intro/install/)"))
struct KubernetesChartTests {
    private static let chart = ComposeProject.root + "/helm/mercato"

    private func helm(_ arguments: String...) async throws -> Command.Outcome {
        let path = try #require(Command.find("helm"))
        return try await Blocking.run {
            try Command.run(
                path, arguments, environment: ProcessInfo.processInfo.environment,
                limit: .seconds(60))
        }
    }

    private func rendered(_ sets: String...) async throws -> Command.Outcome {
        try await helm(
            "template", "mercato", Self.chart, "--set", (["logLevel=info"] + sets).joined(separator: ","))
    }

    @Test(arguments: ["deploy/kind/values.yaml", "deploy/kubernetes/values.yaml"])
    func `the chart has nothing that lint complains of`(values: String) async throws {
        let outcome = try await helm(
            "lint", "--strict", Self.chart, "--values", "\(ComposeProject.root)/\(values)")
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test(arguments: [
        ("gateway.replica=3", "at '/gateway': additional properties 'replica' not allowed"),
        ("order.databse.host=db", "at '/order': additional properties 'databse' not allowed"),
        ("gateway.replicas=two", "at '/gateway/replicas': got string, want integer"),
        ("provider.replicas=2", "at '/provider': additional properties 'replicas' not allowed"),
        ("logLevel=loud", "at '/logLevel': value must be one of"),
        ("cart.env.TYPO=1", "at '/cart/env': additional properties 'TYPO' not allowed"),
        ("cart.database.host=db.example", "cart.database.existingSecret is needed"),
        ("drain.waitSeconds=40", "drain.waitSeconds 40 leaves nothing"),
        ("gateway.ingress.enabled=true", "gateway.ingress.hosts is empty"),
    ])
    func `a mistake in the values is named by its place`(set: String, message: String) async throws {
        let outcome = try await helm("template", "mercato", Self.chart, "--set", set)
        #expect(outcome.status != 0)
        #expect(outcome.errors.contains(message), "\(outcome.errors)")
    }

    @Test func `an outside store leaves out ours and opens the way to it`() async throws {
        let outcome = try await rendered(
            "cart.database.host=db.example", "cart.database.existingSecret=cart-db",
            "redis.host=cache.example", "kafka.bootstrapServers=broker.example:9094",
            "kafka.ports={9094}", "tracing.endpoint=http://collector.example:4318")
        #expect(outcome.status == 0, "\(outcome.errors)")
        let text = outcome.output
        for gone in ["mercato-postgres-cart", "mercato-redis", "mercato-kafka", "mercato-jaeger"] {
            #expect(!text.contains("name: \(gone)\n"), "\(gone)")
        }
        #expect(text.contains("name: mercato-postgres-order\n"))
        #expect(text.contains("host=db.example port=5432 dbname=cart sslmode=prefer user=cart_app"))
        #expect(text.contains("KAFKA_BOOTSTRAP_SERVERS: \"broker.example:9094\""))
        #expect(text.contains("- ports: [{ port: 9094 }]"))
    }

    /// A password stands in its Secret and nowhere else, and every image has a tag.
    @Test func `pods hold no secret and no floating image`() async throws {
        let text = try await rendered().output
        let documents = text.components(separatedBy: "\n---\n")
        #expect(documents.count > 50)
        for document in documents where !document.contains("kind: Secret\n") {
            #expect(!document.contains("password="), "\(document.prefix(200))")
        }
        for match in text.matches(of: /image: "?([^\s"]+)/) {
            #expect(match.1.contains(":") && !match.1.hasSuffix(":latest"), "\(match.1)")
        }
    }

    @Test func `the provider never has two writers of its journal`() async throws {
        let deployment = try await rendered("gateway.replicas=5").output
            .components(separatedBy: "\n---\n")
            .first { $0.contains("kind: Deployment") && $0.contains("name: mercato-payment-provider") }
        let text = try #require(deployment)
        #expect(text.contains("replicas: 1\n"))
        #expect(text.contains("type: Recreate"))
    }

    @Test func `an autoscaled service has no number of replicas of its own`() async throws {
        let text = try await rendered(
            "gateway.autoscaling.enabled=true", "gateway.autoscaling.scaleDownStabilizationSeconds=30"
        ).output
        let hpa = text.components(separatedBy: "\n---\n").first {
            $0.contains("kind: HorizontalPodAutoscaler")
        }
        #expect(hpa?.contains("stabilizationWindowSeconds: 30") == true)
        let gateway = text.components(separatedBy: "\n---\n").first {
            $0.contains("kind: Deployment") && $0.contains("name: mercato-gateway\n")
        }
        // A number here would undo what the autoscaler decided at every upgrade.
        #expect(gateway?.contains("\n  replicas:") == false)
    }
}
