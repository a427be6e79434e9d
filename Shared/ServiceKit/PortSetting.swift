package import Configuration

/// The variable that sets a listener's port, and the port without it: said once, because the service
/// that listens there and `--health`, which asks there, must mean the same port.
package struct PortSetting: Sendable, Equatable {
    /// For example `MERCATO_PORT_ORDER_OPS`.
    package let key: String
    /// The port when the variable is not set.
    package let fallback: Int

    package init(_ key: String, default fallback: Int) {
        self.key = key
        self.fallback = fallback
    }

    /// From 0 (any free port) to 65535.
    package func read(_ environment: EnvironmentReader) throws(ConfigurationError) -> Int {
        try environment.integer(key, default: fallback, in: 0...65_535)
    }
}
