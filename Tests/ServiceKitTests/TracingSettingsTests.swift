import Basics
import Configuration
import Telemetry
import Testing

@testable import ServiceKit

@Suite struct TracingSettingsTests {
    private func read(_ values: [String: String]) throws -> TracingSettings? {
        try TracingSettings.read(EnvironmentReader(values), service: "order")
    }

    @Test func `nothing is exported unless an endpoint is set`() throws {
        #expect(try read([:]) == nil)
        let base = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger:4318/"]
        #expect(try read(base)?.endpoint == "http://jaeger:4318/v1/traces")
        #expect(try read(base.merging(["OTEL_SDK_DISABLED": "true"]) { $1 }) == nil)
        #expect(try read(base.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }) == nil)
    }

    @Test func `the signal's own endpoint is taken as it is`() throws {
        let settings = try read([
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b:2/custom",
        ])
        #expect(settings?.endpoint == "http://b:2/custom")
    }

    @Test func `the defaults are those of the standard`() throws {
        let settings = try #require(try read(["OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1"]))
        #expect(settings.queueMax == 2_048 && settings.batchMax == 512)
        #expect(settings.scheduleDelay == .seconds(5) && settings.timeout == .seconds(10))
        #expect(settings.sampler == .followingParent && settings.headers.isEmpty)
        #expect(settings.resource["service.name"] == "order")
    }

    @Test func `names, headers and attributes are read`() throws {
        let settings = try #require(
            try read([
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1",
                "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Bearer%20t, x-a = 1",
                "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-a=2",
                "OTEL_RESOURCE_ATTRIBUTES":
                    "service.name=ignored,deployment.environment.name=d%C3%A9mo",
                "OTEL_SERVICE_NAME": "checkout", "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0.25", "OTEL_BSP_MAX_QUEUE_SIZE": "10",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "500", "OTEL_BSP_SCHEDULE_DELAY": "50",
            ]))
        #expect(settings.headers.map(\.name) == ["authorization", "x-a"])
        #expect(settings.headers.map { $0.value.reveal() } == ["Bearer t", "2"])
        #expect(settings.resource["service.name"] == "checkout")
        #expect(settings.resource["deployment.environment.name"] == "démo")
        #expect(settings.sampler == Sampler(root: .share(0.25), followsParent: true))
        #expect(settings.queueMax == 10 && settings.batchMax == 10)
        #expect(settings.timeout == .milliseconds(500))
        #expect(settings.scheduleDelay == .milliseconds(50))
    }

    @Test(arguments: [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://a:1"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "a:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://a:x"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:p@a"), ("OTEL_SDK_DISABLED", "maybe"),
        ("OTEL_TRACES_EXPORTER", "zipkin"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a"), ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d"), ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"), ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4096"), ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
        ("OTEL_TRACES_SAMPLER", "sometimes"), ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
    ])
    func `a bad value is refused by its key with what is allowed`(key: String, value: String) {
        let error = #expect(throws: ConfigurationError.self) { try read([key: value]) }
        #expect(error?.key == key)
        #expect(error?.message.contains("allowed") == true || value == "a b=c" || value == "a=%0d")
    }

    @Test func `a refused header's value is not shown`() {
        let error = #expect(throws: ConfigurationError.self) {
            try read(["OTEL_EXPORTER_OTLP_HEADERS": "sesame"])
        }
        #expect(error?.description.contains("sesame") == false)
    }
}
