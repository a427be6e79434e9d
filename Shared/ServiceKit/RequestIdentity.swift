import Basics
import HTTP

/// Gives each request an id that appears in its logs, its answer and its calls to other services.
struct RequestIdentity: Sendable {
    static let header = "x-request-id"
    /// The longest id taken from a caller.
    static let lengthMax = 128

    private let random: RandomSource

    init(random: RandomSource) {
        // An id is a name and no secret: a generator seeded once spares two system calls a request.
        self.random = .seeded(random.next())
    }

    /// The caller's id when it is safe, else a new one.
    func identify(_ request: Request) {
        request.identify(
            request.header(Self.header).flatMap { Self.isSafe($0) ? $0 : nil }
                ?? UniqueID.v7(using: random).description)
    }

    /// 1 to 128 letters, digits and `-_.:`: nothing that could end a header, a log line or a path.
    static func isSafe(_ id: String) -> Bool {
        let bytes = id.utf8
        guard !bytes.isEmpty, bytes.count <= lengthMax else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: "."), UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }
}
