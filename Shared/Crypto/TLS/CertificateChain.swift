import Basics
import COpenSSL

/// The certificates that we show to peers, checked the way a peer would, before the first one does.
struct CertificateChain {
    /// Longer chains are a mistake: peers give up at this depth.
    static let lengthMax = 10
    /// A certificate that ends sooner is worth a warning.
    static let renewalTime = Duration.seconds(14 * 86_400)

    let certificates: [Certificate]
    /// What an operator should know although the chain can be used.
    let warnings: [String]

    /// When the first of its certificates ends, and with it the chain.
    var end: WallTime? { certificates.compactMap(\.end).min() }

    /// Reads and checks a file. Peers refuse what is expired or out of order, so this does, too.
    init(_ path: String, checksValidity: Bool = true) throws(TLSError) {
        let found = try PEMFile(path, "the certificate chain").certificates()
        guard found.count <= Self.lengthMax else {
            throw TLSError(
                .chainBroken, "\(path) has \(found.count) certificates, at most \(Self.lengthMax)")
        }
        for (place, pair) in zip(found, found.dropFirst()).enumerated()
        where !pair.0.wasIssued(by: pair.1) {
            throw TLSError(
                .chainBroken,
                "certificate \(place + 2) of \(path) (\(pair.1.subject)) did not issue the one before it, "
                    + "\(pair.0.subject), whose issuer is \(pair.0.issuer)")
        }
        if checksValidity { try Self.checkValidity(found, path) }
        certificates = found
        warnings = Self.findings(found, path)
    }

    private static func checkValidity(_ found: [Certificate], _ path: String) throws(TLSError) {
        for (place, certificate) in found.enumerated() {
            let name = "certificate \(place + 1) of \(path) (\(certificate.subject))"
            switch certificate.validity {
            case .valid: continue
            case .over:
                throw TLSError(.expired, "\(name) has expired: valid from \(certificate.period)")
            case .notYet:
                throw TLSError(
                    .notYetValid,
                    "\(name) is not valid yet: from \(certificate.period); is the clock right?")
            }
        }
    }

    private static func findings(_ found: [Certificate], _ path: String) -> [String] {
        var findings: [String] = []
        for certificate in found {
            if case .valid(let left) = certificate.validity, left < renewalTime {
                findings.append(
                    "\(certificate.subject) of \(path) is valid for \(left.components.seconds / 3_600) "
                        + "more hours: \(certificate.period)")
            }
        }
        if let last = found.last, !last.isSelfSigned, !isKnown(found) {
            findings.append(
                "\(path) may be incomplete: \(last.issuer), the issuer of its last certificate, is "
                    + "neither in the file nor among the authorities that this machine trusts")
        }
        return findings
    }

    /// Whether this machine's authorities complete the chain. Reads all of them: only at start and
    /// reload.
    private static func isKnown(_ found: [Certificate]) -> Bool {
        guard let leaf = found.first, let store = unsafe X509_STORE_new() else { return true }
        defer { unsafe X509_STORE_free(store) }
        guard unsafe X509_STORE_set_default_paths(store) == 1,
            let context = unsafe X509_STORE_CTX_new()
        else { return true }
        defer { unsafe X509_STORE_CTX_free(context) }
        let others = unsafe copenssl_list()
        // The list owns nothing; the certificates outlive it.
        defer { unsafe copenssl_list_free(others) }
        for certificate in found.dropFirst() {
            unsafe copenssl_list_add(others, certificate.handle)
        }
        defer { ERR_clear_error() }
        guard unsafe X509_STORE_CTX_init(context, store, leaf.handle, others) == 1 else {
            return true
        }
        if unsafe X509_verify_cert(context) == 1 { return true }
        let missing = [
            X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY,
            X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE,
        ]
        return unsafe !missing.contains(X509_STORE_CTX_get_error(context))
    }
}
