import COpenSSL
import Synchronization

/// A key with a certificate that may sign others.
///
/// Reason: neither the key nor the certificate is changed after `init`.
final class Issuer: @unchecked Sendable {
    /// PEM of the certificate.
    let pem: String
    private let key: OpaquePointer
    private let certificate: OpaquePointer

    private static let serials = Atomic<Int>(1)

    init(_ name: String, by issuer: Issuer?) throws {
        key = try Self.makeKey()
        let certificate = try Self.makeCertificate(
            name, days: (-1, 365), key: key, extensions: [
                (NID_basic_constraints, "critical,CA:TRUE"),
                (NID_key_usage, "critical,keyCertSign,cRLSign"),
            ], issuer: issuer)
        pem = try Self.pem { PEM_write_bio_X509($0, certificate) }
        self.certificate = certificate
    }

    deinit {
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    /// PEM of a certificate for the request, and of its key.
    func issue(_ request: TestAuthority.Request) throws -> (certificate: String, key: String) {
        try Self.issue(request, by: self)
    }

    static func issueSelfSigned(_ request: TestAuthority.Request) throws
        -> (certificate: String, key: String)
    {
        try issue(request, by: nil)
    }

    private static func issue(_ request: TestAuthority.Request, by issuer: Issuer?) throws
        -> (certificate: String, key: String)
    {
        let key = try makeKey()
        defer { EVP_PKEY_free(key) }
        var extensions: [(Int32, String)] = [
            (NID_basic_constraints, "critical,CA:FALSE"),
            (NID_ext_key_usage, request.isClient ? "clientAuth" : "serverAuth"),
        ]
        if !request.isClient { extensions.append((NID_subject_alt_name, request.hosts)) }
        let certificate = try makeCertificate(
            request.name, seconds: (request.start, request.end), key: key, extensions: extensions,
            issuer: issuer)
        defer { X509_free(certificate) }
        return (
            try pem { PEM_write_bio_X509($0, certificate) },
            try pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        )
    }

    private static func makeKey() throws -> OpaquePointer {
        let context = try FixtureFailure.some(
            EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil), "EVP_PKEY_CTX_new_id")
        defer { EVP_PKEY_CTX_free(context) }
        try FixtureFailure.check(EVP_PKEY_keygen_init(context), "EVP_PKEY_keygen_init")
        try FixtureFailure.check(
            EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, NID_X9_62_prime256v1), "curve")
        var key: OpaquePointer?
        try FixtureFailure.check(EVP_PKEY_keygen(context, &key), "EVP_PKEY_keygen")
        return try FixtureFailure.some(key, "EVP_PKEY_keygen")
    }

    private static func makeCertificate(
        _ name: String, days: (Int, Int), key: OpaquePointer, extensions: [(Int32, String)],
        issuer: Issuer?
    ) throws -> OpaquePointer {
        try makeCertificate(
            name, seconds: (days.0 * 86_400, days.1 * 86_400), key: key, extensions: extensions,
            issuer: issuer)
    }

    private static func makeCertificate(
        _ name: String, seconds: (Int, Int), key: OpaquePointer, extensions: [(Int32, String)],
        issuer: Issuer?
    ) throws -> OpaquePointer {
        let made = try FixtureFailure.some(X509_new(), "X509_new")
        try FixtureFailure.check(X509_set_version(made, 2), "X509_set_version")
        let serial = serials.wrappingAdd(1, ordering: .relaxed).newValue
        ASN1_INTEGER_set(X509_get_serialNumber(made), serial)
        X509_gmtime_adj(X509_getm_notBefore(made), seconds.0)
        X509_gmtime_adj(X509_getm_notAfter(made), seconds.1)
        try FixtureFailure.check(X509_set_pubkey(made, key), "X509_set_pubkey")
        let subject = X509_get_subject_name(made)
        try FixtureFailure.check(
            X509_NAME_add_entry_by_txt(
                subject, "CN", MBSTRING_UTF8, Array(name.utf8), Int32(name.utf8.count), -1, 0),
            "X509_NAME_add_entry_by_txt")
        try FixtureFailure.check(
            X509_set_issuer_name(made, issuer.map { X509_get_subject_name($0.certificate) } ?? subject),
            "X509_set_issuer_name")
        var context = X509V3_CTX()
        X509V3_set_ctx(&context, issuer?.certificate ?? made, made, nil, nil, 0)
        for (kind, value) in [(NID_subject_key_identifier, "hash")] + extensions
            + [(NID_authority_key_identifier, "keyid")]
        {
            let text = try FixtureFailure.some(
                X509V3_EXT_conf_nid(nil, &context, kind, value), "extension \(value)")
            defer { X509_EXTENSION_free(text) }
            try FixtureFailure.check(X509_add_ext(made, text, -1), "X509_add_ext")
        }
        try FixtureFailure.check(X509_sign(made, issuer?.key ?? key, EVP_sha256()), "X509_sign")
        return made
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws -> String {
        let bio = try FixtureFailure.some(BIO_new(BIO_s_mem()), "BIO_new")
        defer { BIO_free(bio) }
        try FixtureFailure.check(write(bio), "PEM_write_bio")
        var bytes = [UInt8](repeating: 0, count: 8_192)
        let count = BIO_read(bio, &bytes, Int32(bytes.count))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }
}
