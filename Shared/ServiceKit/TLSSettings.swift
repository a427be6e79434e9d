import Basics
package import Configuration
package import Crypto
import Telemetry

/// TLS of a service's API listener, from the environment. Off without `MERCATO_TLS_CERT`.
package enum TLSSettings {
    static let certificateKey = "MERCATO_TLS_CERT"
    static let privateKeyKey = "MERCATO_TLS_KEY"
    static let clientAuthoritiesKey = "MERCATO_TLS_CLIENT_CA"
    static let clientKey = "MERCATO_TLS_CLIENT"

    /// Whether clients show certificates: the values of `MERCATO_TLS_CLIENT`.
    private enum Clients: String, CaseIterable {
        case required, optional
    }

    /// Reads `MERCATO_TLS_CERT` and `MERCATO_TLS_KEY` (PEM files), `MERCATO_TLS_CLIENT_CA` (a PEM file
    /// with the authorities of clients; none means that clients are not asked) and
    /// `MERCATO_TLS_CLIENT` (`required`, the default with a file of authorities, or `optional`); then
    /// the files. Throws `ConfigurationError` for settings that do not belong together, `ExitError` 78
    /// for files that cannot be used.
    package static func read(_ environment: EnvironmentReader) throws -> ServerTLS? {
        let chain = environment.optionalText(certificateKey)
        let key = environment.optionalText(privateKeyKey)
        let authorities = environment.optionalText(clientAuthoritiesKey)
        let asksOptionally =
            try environment.choice(
                clientKey, default: Clients.required.rawValue, of: Clients.allCases.map(\.rawValue))
            == Clients.optional.rawValue
        guard let chain, let key else {
            // One alone is a mistake, and must not end in plain HTTP.
            let given = [
                (certificateKey, chain), (privateKeyKey, key), (clientAuthoritiesKey, authorities),
            ].first { $0.1 != nil }
            if let given {
                throw ConfigurationError(
                    .missing, key: chain == nil ? certificateKey : privateKeyKey,
                    "is not set, but \(given.0) is; TLS needs a certificate and its key")
            }
            return nil
        }
        let clients: TLSServerOptions.ClientCertificates =
            switch authorities {
            case nil: .none
            case let path? where asksOptionally: .optional(authoritiesPath: path)
            case let path?: .required(authoritiesPath: path)
            }
        do {
            return try ServerTLS(
                TLSServerOptions(
                    identity: TLSIdentity(chainPath: chain, keyPath: key),
                    clientCertificates: clients))
        } catch {
            throw ExitError.configuration("TLS cannot be set up", underlying: error)
        }
    }
}

/// What operators see of a listener's certificate, and how it is replaced.
struct CertificateWatch: Sendable {
    private let tls: ServerTLS
    private let logger: Logger
    private let end: Gauge
    private let reloads: CounterFamily<String>

    init(_ tls: ServerTLS, logger: Logger, metrics: MetricsRegistry) {
        self.tls = tls
        self.logger = logger
        end = metrics.gauge(
            "http_server_certificate_end_seconds",
            help: "When the certificate chain in use ends, as Unix time.", labels: ["server": "api"])
        reloads = CounterFamily(
            metrics, "http_server_certificate_reloads_total",
            help: "Certificate files read again.", from: ["done", "refused"]
        ) { ["server": "api", "outcome": $0] }
        note(tls.current)
    }

    /// Reads the files again; any thread. What cannot be used changes nothing.
    func reload() {
        do {
            note(try tls.reload())
            reloads["done"].increment()
            logger.notice("certificates read again; new connections use them")
        } catch {
            reloads["refused"].increment()
            logger.error(
                "the new certificates cannot be used; the old ones stay",
                ["cause": .string(error.message), "code": .string(error.code.rawValue)])
        }
    }

    private func note(_ context: TLSContext) {
        if let moment = context.end { end.set(Double(moment.microseconds / 1_000_000)) }
        for warning in context.warnings {
            logger.warning("certificate", ["finding": .string(warning)])
        }
    }
}
