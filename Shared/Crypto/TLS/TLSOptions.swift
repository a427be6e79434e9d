/// A certificate chain and its private key, as files.
package struct TLSIdentity: Sendable, Equatable {
    /// PEM: the certificate itself first, then its issuer's, and so on. The root may be left out.
    package var chainPath: String
    /// PEM, without a pass phrase. May be the same file.
    package var keyPath: String

    package init(chainPath: String, keyPath: String) {
        self.chainPath = chainPath
        self.keyPath = keyPath
    }
}

/// The versions of the protocol that are still safe to speak.
package enum TLSVersion: Int, Sendable, Comparable, CaseIterable {
    case tls12 = 0x0303
    case tls13 = 0x0304

    package static func < (left: TLSVersion, right: TLSVersion) -> Bool {
        left.rawValue < right.rawValue
    }
}

/// How a server proves who it is, and whom it lets in.
package struct TLSServerOptions: Sendable {
    /// Whether clients must show a certificate (mutual TLS). The path is a PEM file with the
    /// certificates of the authorities that vouch for clients.
    package enum ClientCertificates: Sendable, Equatable {
        case none
        /// Asked for; a client without one is let in, one with a wrong one is not.
        case optional(authoritiesPath: String)
        case required(authoritiesPath: String)
    }

    package var identity: TLSIdentity
    package var clientCertificates: ClientCertificates
    package var versions: ClosedRange<TLSVersion>

    package init(
        identity: TLSIdentity, clientCertificates: ClientCertificates = .none,
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) {
        self.identity = identity
        self.clientCertificates = clientCertificates
        self.versions = versions
    }
}

/// Whom a client trusts, and how it proves who it is.
package struct TLSClientOptions: Sendable, Equatable {
    /// PEM file with the certificates of the authorities that vouch for servers; nil for those that
    /// this machine trusts.
    package var authoritiesPath: String?
    /// Shown to servers that ask for a certificate.
    package var identity: TLSIdentity?
    package var versions: ClosedRange<TLSVersion>

    package init(
        authoritiesPath: String? = nil, identity: TLSIdentity? = nil,
        versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
    ) {
        self.authoritiesPath = authoritiesPath
        self.identity = identity
        self.versions = versions
    }
}
