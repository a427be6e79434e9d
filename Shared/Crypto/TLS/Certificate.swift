import Basics
import COpenSSL
import Glibc

/// The owner of one X.509 certificate.
@safe
final class Certificate {
    let handle: OpaquePointer

    /// Text of a name that is longer is cut.
    private static let nameMax = 512

    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe X509_free(handle) }

    /// In the form of RFC 4514, for example `CN=shop.example,O=Shop`.
    var subject: String { unsafe Self.text(X509_get_subject_name(handle)) }
    var issuer: String { unsafe Self.text(X509_get_issuer_name(handle)) }

    var isSelfSigned: Bool { unsafe X509_self_signed(handle, 0) == 1 }

    /// By names and key identifiers, and by the signature itself.
    func wasIssued(by other: Certificate) -> Bool {
        defer { ERR_clear_error() }
        // Both certificates are alive during the calls; the key belongs to `other`.
        guard unsafe X509_check_issued(other.handle, handle) == X509_V_OK,
            let key = unsafe X509_get0_pubkey(other.handle)
        else { return false }
        return unsafe X509_verify(handle, key) == 1
    }

    enum Validity: Equatable {
        case notYet, over
        case valid(Duration)
    }

    /// Whether it is valid now, and for how long still.
    var validity: Validity {
        // The two times belong to the certificate.
        guard let start = unsafe Self.untilTime(X509_get0_notBefore(handle)),
            let end = unsafe Self.untilTime(X509_get0_notAfter(handle)), end > .zero
        else { return .over }
        return start > .zero ? .notYet : .valid(end)
    }

    /// Its last moment; nil when that cannot be read.
    var end: WallTime? { unsafe Self.moment(X509_get0_notAfter(handle)) }

    /// The first day and the last, for messages.
    var period: String {
        unsafe "\(Self.day(X509_get0_notBefore(handle))) to \(Self.day(X509_get0_notAfter(handle)))"
    }

    private static func untilTime(_ time: UnsafePointer<ASN1_TIME>?) -> Duration? {
        var days: CInt = 0
        var seconds: CInt = 0
        // No start means now.
        guard unsafe ASN1_TIME_diff(&days, &seconds, nil, time) == 1 else { return nil }
        return .seconds(Int64(days) * 86_400 + Int64(seconds))
    }

    private static func day(_ time: UnsafePointer<ASN1_TIME>?) -> String {
        unsafe moment(time).map { String($0.iso8601.prefix(10)) } ?? "an unreadable time"
    }

    private static func moment(_ time: UnsafePointer<ASN1_TIME>?) -> WallTime? {
        var parts = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &parts) == 1 else { return nil }
        return unsafe WallTime(microseconds: Int64(timegm(&parts)) * 1_000_000)
    }

    private static func text(_ name: OpaquePointer?) -> String {
        guard let name = unsafe name, let bio = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(bio) }
        guard unsafe copenssl_print_name(bio, name) >= 0 else { return "" }
        var bytes = [UInt8](repeating: 0, count: nameMax)
        // The call writes at most as many bytes as the array has.
        let count = unsafe BIO_read(bio, &bytes, CInt(nameMax))
        return String(decoding: bytes.prefix(Int(max(0, count))), as: UTF8.self)
    }
}

/// The owner of one private key.
@safe
final class PrivateKey {
    let handle: OpaquePointer

    init(owning handle: OpaquePointer) { unsafe self.handle = handle }

    deinit { unsafe EVP_PKEY_free(handle) }

    func belongs(to certificate: Certificate) -> Bool {
        defer { ERR_clear_error() }
        return unsafe X509_check_private_key(certificate.handle, handle) == 1
    }
}
