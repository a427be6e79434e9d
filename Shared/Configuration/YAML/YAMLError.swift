/// Why a YAML file cannot be used: `policies.yaml:12: limits[0].burst: what is wrong, what is allowed`.
package struct YAMLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong, for code that branches.
    package enum Code: String, Sendable {
        /// Not YAML at all.
        case syntax
        /// YAML, but a part of it that is not accepted here: aliases, tags, several documents.
        case unsupported
        /// Too long, too deep or too many nodes.
        case limit
        case duplicateKey
        case unknownKey
        case missing
        /// Of the wrong kind, outside its limits, or refused by whoever reads it.
        case invalid
        case unreadableFile
    }

    /// What is wrong.
    package let code: Code
    /// The file's name as its reader knows it.
    package let name: String
    /// Counted from 1; 0 when the mistake is not at a line.
    package let line: Int
    /// As in `limits[0].burst`; empty for the whole document.
    package let path: String
    /// What is wrong and what is allowed.
    package let message: String

    package init(_ code: Code, name: String, line: Int, path: String = "", _ message: String) {
        self.code = code
        self.name = name
        self.line = line
        self.path = path
        self.message = message
    }

    package var description: String {
        let place = line > 0 ? "\(name):\(line): " : "\(name): "
        return place + (path.isEmpty ? "" : path + ": ") + message
    }
}
