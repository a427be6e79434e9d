package import Basics
import HTTP
import HTTPClient
package import Sockets
import Telemetry

/// `HTTPCalls` over the project's own HTTP client.
package struct ClientCalls: HTTPCalls {
    private let client: Client

    /// An answer longer than this is an error; audits and events are streamed instead.
    private static let answerBytesMax = 4 << 20

    package init(loop: EventLoop) {
        var configuration = ClientConfiguration()
        // Placing an order waits for Cart, Inventory and a database; the gateway has the last word.
        configuration.requestTimeout = .seconds(15)
        client = Client(
            loop: loop, configuration: configuration,
            logger: Logger(service: "mercatoctl", sink: DiscardingSink()))
    }

    package func call(
        _ method: String, _ url: String, headers: [String: String], body: [UInt8]?
    ) async throws -> HTTPAnswer {
        let request = ClientRequest(
            method: Method(method), url: url, headers: Self.fields(headers), body: body ?? [])
        do {
            let response = try await client.send(request)
            return HTTPAnswer(
                status: response.status,
                body: try await response.body.collect(upTo: Self.answerBytesMax))
        } catch {
            throw Self.failure(method, url, error)
        }
    }

    package func stream(
        _ url: String, headers: [String: String], limit: Deadline,
        _ piece: (_ bytes: [UInt8]) async throws -> Bool
    ) async throws -> Int {
        let request = ClientRequest(url: url, headers: Self.fields(headers))
        do {
            let response = try await client.send(request)
            guard response.status == 200 else { return response.status }
            for try await bytes in response.body {
                guard try await piece(bytes) else { break }
                if limit.isPast {
                    throw CommandFailure(.failed, "GET \(url) has not ended within its limit")
                }
            }
            return response.status
        } catch let error as ClientError {
            throw Self.failure("GET", url, error)
        }
    }

    private static func fields(_ headers: [String: String]) -> Headers {
        Headers(headers.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    private static func failure(_ method: String, _ url: String, _ error: ClientError)
        -> CommandFailure
    {
        guard error.code == .connectFailed else {
            return CommandFailure(.failed, "\(method) \(url): \(error)")
        }
        return CommandFailure(
            .failed, "nobody answers at \(url) (\(error.detail))", isUnreachable: true)
    }
}
