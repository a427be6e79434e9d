package import Basics
import Foundation

/// The gateway's admin port: the only door operators' tools use (architecture.md §1).
package struct AdminAPI: Sendable {
    package let url: String
    package let calls: any HTTPCalls
    private let token: Secret<String>?

    package init(url: String, calls: any HTTPCalls, token: Secret<String>? = nil) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        self.calls = calls
        self.token = token
    }

    package var headers: [String: String] {
        token.map { ["Authorization": "Bearer \($0.reveal())"] } ?? [:]
    }

    /// A request with a JSON body; anything but 2xx is a failure that shows the problem document.
    @discardableResult
    package func send(_ method: String, _ path: String, _ body: some Encodable & Sendable)
        async throws -> HTTPAnswer
    {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var headers = headers
        headers["Content-Type"] = "application/json"
        let answer = try await calls.call(
            method, url + path, headers: headers, body: Array(try encoder.encode(body)))
        guard (200..<300).contains(answer.status) else {
            throw Problem.failure("\(method) \(path)", answer)
        }
        return answer
    }

    package func get(_ path: String) async throws -> HTTPAnswer {
        let answer = try await calls.call("GET", url + path, headers: headers, body: nil)
        guard answer.status == 200 else { throw Problem.failure("GET \(path)", answer) }
        return answer
    }
}

/// A problem document (RFC 9457) as a sentence.
package enum Problem {
    package static func failure(_ what: String, _ answer: HTTPAnswer) -> CommandFailure {
        CommandFailure(.failed, "\(what) answered \(answer.status): \(sentence(answer))")
    }

    package static func sentence(_ answer: HTTPAnswer) -> String {
        // Ignored: not every refusal has a readable body; its first characters must do.
        guard let problem = try? JSONObject(answer.body, what: "the answer") else {
            return String(answer.text.prefix(200))
        }
        let code = problem.optionalText("code")
        let text = problem.optionalText("detail") ?? problem.optionalText("title")
        return [text, code.map { "(\($0))" }].compactMap(\.self).joined(separator: " ")
    }
}
