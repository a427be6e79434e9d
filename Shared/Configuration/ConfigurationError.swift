/// A setting that cannot be used. The text names the key, the value unless it is secret, and what
/// is allowed, so that it can be mended without reading code.
package struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for code that branches.
    package enum Code: String, Sendable {
        /// No value and no default.
        case missing
        /// A value of the wrong form.
        case malformed
        /// A value outside its limits.
        case outOfRange
        /// The file that `<KEY>_FILE` names cannot be read.
        case unreadableFile
        /// Both `<KEY>` and `<KEY>_FILE` are set.
        case ambiguous
    }

    /// What is wrong.
    package let code: Code
    /// The variable to change.
    package let key: String
    /// One line of text for a person.
    package let message: String

    package init(_ code: Code, key: String, _ message: String) {
        self.code = code
        self.key = key
        self.message = message
    }

    package var description: String { "\(key): \(message)" }
}
