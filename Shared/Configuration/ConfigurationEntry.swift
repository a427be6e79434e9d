/// One setting as it was used, for the log line at start.
package struct ConfigurationEntry: Sendable, Equatable {
    /// The variable's name, without `_FILE`.
    package let key: String
    /// The value, or `[redacted]`.
    package let shown: String
    /// True when nothing was set and the built-in value holds.
    package let isDefault: Bool
}
