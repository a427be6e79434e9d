import Foundation

/// What the caller says about the place: flags first, then the environment.
///
/// | flag | key |
/// |---|---|
/// | `--on native\|compose\|kubernetes` | `MERCATO_ON` |
/// | `--gateway URL` | `MERCATO_GATEWAY_URL` |
/// | `--admin URL` | `MERCATO_ADMIN_URL` |
/// | `--jaeger URL` | `MERCATO_JAEGER_URL` |
package struct PlaceOptions: Sendable, Equatable {
    package var on: PlaceKind?
    package var gateway: String?
    package var admin: String?
    package var jaeger: String?

    package init(
        on: PlaceKind? = nil, gateway: String? = nil, admin: String? = nil, jaeger: String? = nil
    ) {
        self.on = on
        self.gateway = gateway
        self.admin = admin
        self.jaeger = jaeger
    }

    /// What the flags left open, from the environment; each address checked.
    package func completed(by environment: [String: String]) throws(CommandFailure) -> PlaceOptions {
        func value(_ key: String) -> String? { environment[key].flatMap { $0.isEmpty ? nil : $0 } }
        var result = self
        if on == nil, let text = value("MERCATO_ON") {
            guard let kind = PlaceKind(rawValue: text) else {
                throw CommandFailure(.usage, "MERCATO_ON is \(Self.kinds), not \"\(text)\"")
            }
            result.on = kind
        }
        result.gateway = try Self.address(gateway, "--gateway", value, "MERCATO_GATEWAY_URL")
        result.admin = try Self.address(admin, "--admin", value, "MERCATO_ADMIN_URL")
        result.jaeger = try Self.address(jaeger, "--jaeger", value, "MERCATO_JAEGER_URL")
        return result
    }

    package static let kinds = "native, compose or kubernetes"

    private static func address(
        _ flag: String?, _ name: String, _ value: (String) -> String?, _ key: String
    ) throws(CommandFailure) -> String? {
        guard let text = flag ?? value(key) else { return nil }
        let origin = flag == nil ? key : name
        guard let url = URLComponents(string: text), ["http", "https"].contains(url.scheme),
            url.host?.isEmpty == false, url.query == nil, url.fragment == nil
        else {
            throw CommandFailure(
                .usage, "\(origin) is an address like http://127.0.0.1:8081, not \"\(text)\"")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }
}
