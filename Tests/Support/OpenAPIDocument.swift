import Configuration

/// What the gateway's document promises, as far as tests ask.
package struct OpenAPIDocument: Sendable {
    package struct Operation: Sendable {
        /// `operationId`.
        package let id: String
        package let method: String
        package let path: String
        /// Whether it may be called without a token.
        package let isOpen: Bool
        /// Media types of each status; an answer without a body has none.
        package let responses: [String: Set<String>]
    }

    package let operations: [Operation]

    private static let methods = ["get", "put", "post", "delete", "patch", "head", "options"]

    package init(_ text: String) throws {
        let root = try YAMLDocument.parse(text, name: "openapi.yaml")
        var found: [Operation] = []
        for (path, item) in root["paths"]?.members ?? [] {
            for (method, operation) in item.members where Self.methods.contains(method) {
                found.append(
                    Operation(
                        id: operation["operationId"]?.text ?? "", method: method.uppercased(),
                        path: path, isOpen: Self.isOpen(operation),
                        responses: try Self.responses(operation, root)))
            }
        }
        operations = found
    }

    /// An empty requirement among the alternatives means: nothing is required.
    private static func isOpen(_ operation: YAMLNode) -> Bool {
        guard case .sequence(let choices, _)? = operation["security"] else { return false }
        return choices.contains { $0.members.isEmpty }
    }

    private static func responses(_ operation: YAMLNode, _ root: YAMLNode) throws
        -> [String: Set<String>]
    {
        var found: [String: Set<String>] = [:]
        for (status, response) in operation["responses"]?.members ?? [] {
            let content = try resolved(response, root)["content"]
            found[status] = Set((content?.members ?? []).map(\.key))
        }
        return found
    }

    /// Follows `$ref: "#/…"`.
    private static func resolved(_ node: YAMLNode, _ root: YAMLNode) throws -> YAMLNode {
        guard let reference = node["$ref"]?.text else { return node }
        var target: YAMLNode? = root
        for part in reference.split(separator: "/").dropFirst() { target = target?[String(part)] }
        guard let target else { throw StackFailure("openapi.yaml: \(reference) leads nowhere") }
        return target
    }
}

extension YAMLNode {
    fileprivate var members: [(key: String, value: YAMLNode)] {
        guard case .mapping(let pairs, _) = self else { return [] }
        return pairs.map { ($0.key, $0.value) }
    }

    fileprivate subscript(_ key: String) -> YAMLNode? { members.first { $0.key == key }?.value }

    fileprivate var text: String? {
        guard case .scalar(let text, _, _) = self else { return nil }
        return text
    }
}
