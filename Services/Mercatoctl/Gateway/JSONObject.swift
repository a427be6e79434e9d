import Foundation

/// A JSON object read by name, with errors that say which member of what is wrong.
///
/// Not Sendable on purpose: it lives for the decoding of one row and is turned into a typed value.
package struct JSONObject {
    private let members: [String: Any]
    private let what: String

    package init(_ bytes: some Sequence<UInt8>, what: String) throws(CommandFailure) {
        let parsed: Any?
        do {
            parsed = try JSONSerialization.jsonObject(with: Data(bytes))
        } catch {
            throw CommandFailure(.failed, "\(what) is not JSON: \(error)")
        }
        guard let members = parsed as? [String: Any] else {
            throw CommandFailure(.failed, "\(what) is not a JSON object")
        }
        self.init(members, what: what)
    }

    private init(_ members: [String: Any], what: String) {
        self.members = members
        self.what = what
    }

    package var names: [String] { members.keys.sorted() }

    package func optionalText(_ name: String) -> String? { members[name] as? String }

    package func text(_ name: String) throws(CommandFailure) -> String {
        guard let value = optionalText(name) else { throw missing(name, "a text") }
        return value
    }

    package func optionalInteger(_ name: String) -> Int64? {
        (members[name] as? NSNumber)?.int64Value
    }

    package func integer(_ name: String) throws(CommandFailure) -> Int64 {
        guard let value = optionalInteger(name) else { throw missing(name, "a number") }
        return value
    }

    package func flag(_ name: String) -> Bool { (members[name] as? NSNumber)?.boolValue ?? false }

    package func object(_ name: String) throws(CommandFailure) -> JSONObject {
        guard let value = optionalObject(name) else { throw missing(name, "an object") }
        return value
    }

    package func optionalObject(_ name: String) -> JSONObject? {
        (members[name] as? [String: Any]).map { JSONObject($0, what: "\(name) of \(what)") }
    }

    package func objects(_ name: String) throws(CommandFailure) -> [JSONObject] {
        guard let values = members[name] as? [[String: Any]] else {
            throw missing(name, "a list of objects")
        }
        return values.map { JSONObject($0, what: "\(name) of \(what)") }
    }

    /// The members as short text, for people: `sku MUG-BLUE, quantity 1`.
    package var summary: String { summary(hiding: []) }

    package func summary(hiding hidden: Set<String>) -> String {
        names.filter { !hidden.contains($0) }.compactMap { name in
            switch members[name] {
            case let text as String: text.isEmpty ? nil : "\(name) \(text)"
            case let number as NSNumber: "\(name) \(Self.text(of: number))"
            case let inner as [String: Any]:
                "\(name) {\(JSONObject(inner, what: name).summary)}"
            default: nil
            }
        }.joined(separator: ", ")
    }

    /// Foundation keeps truth values as numbers of one byte; JSON's numbers are wider.
    private static func text(of number: NSNumber) -> String {
        UInt8(bitPattern: number.objCType.pointee) == UInt8(ascii: "c")
            ? String(number.boolValue) : "\(number)"
    }

    private func missing(_ name: String, _ kind: String) -> CommandFailure {
        CommandFailure(.failed, "\(what) has no \(name) that is \(kind)")
    }
}

extension JSONObject {
    /// A Kubernetes object as the text that makes it again: kind, version, spec, and the named
    /// members of its metadata.
    package func manifest(keeping kept: Set<String>) throws(CommandFailure) -> String {
        var result: [String: Any] = [:]
        for name in ["apiVersion", "kind", "spec"] { result[name] = members[name] }
        let metadata = members["metadata"] as? [String: Any] ?? [:]
        result["metadata"] = metadata.filter { kept.contains($0.key) }
        do {
            let data = try JSONSerialization.data(withJSONObject: result, options: [.sortedKeys])
            return String(decoding: data, as: UTF8.self)
        } catch {
            throw CommandFailure(.failed, "\(what) cannot be written as JSON: \(error)")
        }
    }
}
