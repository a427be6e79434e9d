import Testing

@testable import Mercatoctl

@Suite struct TracingTests {
    @Test func `a jaeger on PATH is the stack's own, unless it is switched off or another is named`()
        throws
    {
        let tools = try FakeTools()
        let path = ["PATH": tools.folder + "/bin"]
        #expect(try Tracing.choose(path) == .none("there is no jaeger on PATH"))
        try tools.program("jaeger", "exit 0")
        let program = tools.folder + "/bin/jaeger"
        #expect(try Tracing.choose(path) == .own(program: program))
        #expect(try Tracing.choose(path.merging(["MERCATO_JAEGER": "off"]) { $1 }) == .none("MERCATO_JAEGER is off"))
        for key in ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] {
            #expect(try Tracing.choose(path.merging([key: "http://c:4318"]) { $1 }) == .external)
        }
        let failure = #expect(throws: CommandFailure.self) { try Tracing.choose(["MERCATO_JAEGER": "yes"]) }
        #expect(failure?.code == .usage)
    }

    @Test func `the services are told where to send, and never one name for all`() throws {
        let tools = try FakeTools()
        try tools.program("jaeger", "exit 0")
        let own = try tools.settings(["MERCATO_PORT_OTLP": "14318", "OTEL_SERVICE_NAME": "x"])
        #expect(own.openTelemetry == ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:14318"])
        let given = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_SAMPLER": "always_on"]
        #expect(try tools.settings(given).openTelemetry == given)
    }
}
