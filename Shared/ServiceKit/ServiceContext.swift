package import Basics
package import Configuration
package import Sockets
package import Telemetry

/// What every part of a service shares; made once by `ServiceProgram`, handed to `compose`.
package struct ServiceContext: Sendable {
    /// The service's name in logs and metrics, for example `order`.
    package let name: String
    /// The one thread that runs the service.
    package let loop: EventLoop
    package let logger: Logger
    package let metrics: MetricsRegistry
    package let environment: EnvironmentReader
    package let readiness: Readiness
    package let random: RandomSource
    /// Begins spans; disabled when no exporter is configured.
    package let tracer: Tracer

    package init(
        name: String, loop: EventLoop, logger: Logger, metrics: MetricsRegistry,
        environment: EnvironmentReader, readiness: Readiness = Readiness(),
        random: RandomSource = .system, tracer: Tracer = .disabled
    ) {
        self.name = name
        self.loop = loop
        self.logger = logger
        self.metrics = metrics
        self.environment = environment
        self.readiness = readiness
        self.random = random
        self.tracer = tracer
    }
}
