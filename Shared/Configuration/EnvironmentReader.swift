package import Basics
import Foundation
import Synchronization

/// Reads settings from environment variables, checks them, and remembers what was read.
///
/// For each key `K` the variable `K_FILE` may name a file that holds the value (one trailing line
/// feed is removed), as orchestrators mount secrets. An empty variable counts as not set: shells
/// and Compose files cannot always leave one out. Callable from any thread.
package final class EnvironmentReader: Sendable {
    /// The largest file read through `K_FILE`, in bytes.
    package static let fileSizeMax = 64 * 1_024

    private let values: [String: String]
    private let entries = Mutex<[String: ConfigurationEntry]>([:])

    /// From variables by name; tests pass a dictionary of their own.
    package init(_ values: [String: String]) { self.values = values }

    /// The variables of this process.
    package static func process() -> EnvironmentReader {
        EnvironmentReader(ProcessInfo.processInfo.environment)
    }

    /// Every setting read so far, by key; secrets are redacted.
    package var summary: [ConfigurationEntry] {
        entries.withLock { $0.values.sorted { $0.key < $1.key } }
    }

    /// Text, or its default; an error when there is neither.
    package func text(
        _ key: String, default fallback: String? = nil
    ) throws(ConfigurationError) -> String {
        guard let text = try value(of: key) ?? fallback else {
            throw ConfigurationError(.missing, key: key, "is not set, and has no default")
        }
        note(key, text, isDefault: values[key] == nil && values[key + "_FILE"] == nil)
        return text
    }

    /// Text that may be left out. An unreadable `K_FILE` counts as left out; use `text` or
    /// `secret` where that matters.
    package func optionalText(_ key: String) -> String? {
        // Ignored: the caller asked for a value that may be missing for any reason.
        let text = (try? value(of: key)) ?? nil
        note(key, text ?? "", isDefault: text == nil)
        return text
    }

    /// A whole number within limits, both ends allowed.
    package func integer(
        _ key: String, default fallback: Int, in range: ClosedRange<Int>
    ) throws(ConfigurationError) -> Int {
        let allowed = "a whole number from \(range.lowerBound) to \(range.upperBound)"
        guard let text = try value(of: key) else {
            note(key, String(fallback), isDefault: true)
            return fallback
        }
        guard let number = Int(text) else {
            throw ConfigurationError(.malformed, key: key, "is \"\(text)\"; allowed is \(allowed)")
        }
        guard range.contains(number) else {
            throw ConfigurationError(.outOfRange, key: key, "is \(number); allowed is \(allowed)")
        }
        note(key, text, isDefault: false)
        return number
    }

    /// A duration given as whole milliseconds within limits, both ends allowed.
    package func milliseconds(
        _ key: String, default fallback: Duration, in range: ClosedRange<Duration>
    ) throws(ConfigurationError) -> Duration {
        let low = Int(clamping: range.lowerBound.inMilliseconds)
        let high = Int(clamping: range.upperBound.inMilliseconds)
        let number = try integer(
            key, default: Int(clamping: fallback.inMilliseconds), in: low...high)
        return .milliseconds(number)
    }

    /// `on`, `true` or `1`; `off`, `false` or `0`; case does not matter.
    package func flag(
        _ key: String, default fallback: Bool
    ) throws(ConfigurationError) -> Bool {
        guard let text = try value(of: key) else {
            note(key, fallback ? "on" : "off", isDefault: true)
            return fallback
        }
        let flag: Bool
        switch text.lowercased() {
        case "on", "true", "1": flag = true
        case "off", "false", "0": flag = false
        default:
            throw ConfigurationError(
                .malformed, key: key, "is \"\(text)\"; allowed is on or off")
        }
        note(key, flag ? "on" : "off", isDefault: false)
        return flag
    }

    /// One of a list of words.
    package func choice(
        _ key: String, default fallback: String, of allowed: [String]
    ) throws(ConfigurationError) -> String {
        let text = try text(key, default: fallback)
        guard allowed.contains(text) else {
            throw ConfigurationError(
                .malformed, key: key,
                "is \"\(text)\"; allowed is one of \(allowed.joined(separator: ", "))")
        }
        return text
    }

    /// A value that no log, error or summary shows.
    package func secret(
        _ key: String, default fallback: String? = nil
    ) throws(ConfigurationError) -> Secret<String> {
        let found = try value(of: key)
        guard let text = found ?? fallback else {
            throw ConfigurationError(
                .missing, key: key, "is not set; set it, or \(key)_FILE to a file that holds it")
        }
        note(key, Secret(text).description, isDefault: found == nil)
        return Secret(text)
    }

    private func note(_ key: String, _ shown: String, isDefault: Bool) {
        let entry = ConfigurationEntry(key: key, shown: shown, isDefault: isDefault)
        entries.withLock { $0[key] = entry }
    }

    /// The variable, or the content of the file that `K_FILE` names; nil when neither is set.
    private func value(of key: String) throws(ConfigurationError) -> String? {
        let direct = values[key].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = values[key + "_FILE"], !path.isEmpty else { return direct }
        guard direct == nil else {
            throw ConfigurationError(
                .ambiguous, key: key, "is set, and so is \(key)_FILE; only one is allowed")
        }
        return try content(of: path, for: key + "_FILE")
    }

    private func content(
        of path: String, for key: String
    ) throws(ConfigurationError) -> String {
        let data: Data?
        do {
            let file = try FileHandle(forReadingFrom: URL(filePath: path))
            data = try file.read(upToCount: Self.fileSizeMax + 1)
            try file.close()
        } catch {
            throw ConfigurationError(
                .unreadableFile, key: key, "names \(path), which cannot be read")
        }
        guard let data, data.count <= Self.fileSizeMax else {
            throw ConfigurationError(
                .unreadableFile, key: key,
                "names \(path), which must hold 1 to \(Self.fileSizeMax) bytes")
        }
        guard var text = String(data: data, encoding: .utf8) else {
            throw ConfigurationError(.unreadableFile, key: key, "names \(path), which is not UTF-8")
        }
        if text.hasSuffix("\r\n") || text.hasSuffix("\n") { text.removeLast() }
        return text
    }
}
