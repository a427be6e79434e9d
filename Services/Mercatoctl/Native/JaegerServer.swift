import Foundation
import Glibc

/// A Jaeger of ours: all in one, on the loopback address, keeping the newest traces in memory only.
package enum JaegerServer {
    /// Traces kept; the oldest go first. A checkout is about fifty spans.
    package static let tracesMax = 2_000
    /// What Go's collector aims at, and what the collector refuses new spans beyond, in MiB.
    package static let memoryAim = 384
    package static let memoryMax = 512

    /// The query API's list of services: the first thing that answers when all of it is up.
    private static let readyPath = "/api/services"

    /// - Parameter port: of the query API and the pages; `otlpPort` takes OTLP over HTTP.
    package static func launch(
        program: String, name: String = "jaeger", port: Int, portKey: String = "", otlpPort: Int,
        folder: String, log: String
    ) throws(NativeError) -> Launch {
        try Folders.make(folder, mode: 0o700)
        let settings = folder + "/jaeger.yaml"
        try Folders.writePrivate(configuration(port: port, otlpPort: otlpPort), to: settings)
        var environment = Launch.baseEnvironment()
        environment["GOMEMLIMIT"] = "\(memoryAim)MiB"
        return Launch(
            name: name, kind: .jaeger, program: program, arguments: ["--config", settings],
            environment: environment, log: log, port: port, portKey: portKey,
            readiness: .answers(port: port, path: readyPath), stopSignal: SIGTERM, stopSeconds: 5)
    }

    /// Jaeger 2 is an OpenTelemetry collector; port 0 lets the kernel choose where its gRPC query
    /// API, which nobody here uses, listens.
    private static func configuration(port: Int, otlpPort: Int) -> String {
        """
        service:
          extensions: [jaeger_storage, jaeger_query]
          pipelines:
            traces:
              receivers: [otlp]
              processors: [memory_limiter, batch]
              exporters: [jaeger_storage_exporter]
          telemetry:
            metrics:
              level: none
            logs:
              level: warn
        extensions:
          jaeger_query:
            storage:
              traces: memory
            http:
              endpoint: "127.0.0.1:\(port)"
            grpc:
              endpoint: "127.0.0.1:0"
          jaeger_storage:
            backends:
              memory:
                memory:
                  max_traces: \(tracesMax)
        receivers:
          otlp:
            protocols:
              http:
                endpoint: "127.0.0.1:\(otlpPort)"
        processors:
          memory_limiter:
            check_interval: 1s
            limit_mib: \(memoryMax)
          batch:
            timeout: 100ms
        exporters:
          jaeger_storage_exporter:
            trace_storage: memory

        """
    }
}
