import Basics
import HTTP
import HTTPClient
package import Sockets
import Telemetry

/// One call of a customer to the gateway.
package struct ShopCall: Sendable {
    package var method: String
    package var path: String
    package var headers: [String: String] = [:]
    package var body: String?
    /// The time for the whole answer.
    package var limit: Duration
}

/// What came of it: an answer, or the name of a failure.
package struct ShopAnswer: Sendable {
    /// Nil when nobody answered.
    package let status: Int?
    /// Why there is no answer, or only a part of one: a `ClientError.Code`.
    package let failure: String?
    package let body: [UInt8]
    /// Nothing reached the gateway, so nothing can have happened.
    package let nothingSent: Bool

    package init(
        status: Int?, failure: String? = nil, body: [UInt8] = [], nothingSent: Bool = false
    ) {
        self.status = status
        self.failure = failure
        self.body = body
        self.nothingSent = nothingSent
    }

    package var isGood: Bool { failure == nil && status.map { (200..<300).contains($0) } ?? false }

    /// The member of a JSON object, or nil.
    package func text(_ name: String) -> String? {
        // Ignored: an answer that is no object has no such member.
        (try? JSONObject(body, what: "the answer"))?.optionalText(name)
    }
}

/// How load reaches the gateway; failures are results here, never thrown: they are what is counted.
package protocol ShopTransport: Sendable {
    func send(_ call: ShopCall) async -> ShopAnswer
}

/// `ShopTransport` over the project's own HTTP client, with a connection for each call in flight.
package struct ShopConnections: ShopTransport {
    /// An order's events, a catalogue: longer answers are failures.
    private static let answerBytesMax = 1 << 20

    private let url: String
    private let client: Client

    /// - Parameter url: the gateway's public address, such as `http://127.0.0.1:8080`.
    package init(url: String, maxInFlight: Int, loop: EventLoop) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        var configuration = ClientConfiguration()
        configuration.maxConnectionsPerOrigin = maxInFlight
        configuration.maxPending = maxInFlight
        // Waiting for a connection of ours would be counted as the gateway's time.
        configuration.poolWait = .seconds(5)
        client = Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "mercatoctl", sink: DiscardingSink()))
    }

    package func send(_ call: ShopCall) async -> ShopAnswer {
        let fields = call.headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let request = ClientRequest(
            method: Method(call.method), url: url + call.path, headers: Headers(fields),
            body: Array((call.body ?? "").utf8))
        var status: Int?
        do throws(ClientError) {
            let response = try await client.send(request, deadline: .after(call.limit))
            status = response.status
            let body = try await response.body.collect(upTo: Self.answerBytesMax)
            return ShopAnswer(status: status, body: body)
        } catch {
            return ShopAnswer(
                status: status, failure: error.code.rawValue,
                nothingSent: error.nothingWritten || error.code == .connectFailed)
        }
    }
}
