import Basics
package import HTTP
package import Messaging

/// `/internal/dead-letters`: what operators do with messages that could not be handled (D15).
///
/// | Route | What |
/// |---|---|
/// | `GET /internal/dead-letters?state=&limit=&after=` | a page, oldest first, without payloads; `state` is open (default), all, or one state |
/// | `GET /internal/dead-letters/{id}` | one with headers and payload, as text if it is UTF-8, else base64 |
/// | `POST …/{id}/replay` | handles the very message again; 200 with `outcome` handled, duplicate, failed or handed_back |
/// | `POST …/{id}/discard` `{"reason":"…"}` | nobody will handle it |
package struct DeadLetterRoutes: Sendable {
    private let desk: DeadLetterDesk
    private static let path = "/internal/dead-letters"
    private static let pageDefault = 100

    package init(_ desk: DeadLetterDesk) { self.desk = desk }

    /// For the operations port only: payloads may hold personal data.
    package func register(on router: inout Router) {
        let one = Self.path + "/{id}"
        router.on(.get, Self.path) { try await list($0) }
        router.on(.get, one) { request in
            Self.json(LetterJSON.full(try await desk.store.letter(try Self.id(request))))
        }
        router.on(.post, one + "/replay") { request in
            let (outcome, letter) = try await desk.replay(try Self.id(request))
            var answer = LetterJSON.summary(letter)
            answer["outcome"] = .string(Self.name(outcome))
            return Self.json(answer)
        }
        router.on(.post, one + "/discard") { try await discard($0) }
    }

    private static func json(_ members: [String: JSONValue]) -> Response {
        .bytes(200, JSONValue.object(members).bytes, type: "application/json")
    }

    private func list(_ request: Request) async throws -> Response {
        let states = try Self.states(request.query("state"))
        var limit = Self.pageDefault
        if let text = request.query("limit") {
            guard let number = Int(text), (1...DeadLetterStore.pageMax).contains(number) else {
                throw Problem.badRequest(
                    "invalid_limit", "limit is a number from 1 to \(DeadLetterStore.pageMax).")
            }
            limit = number
        }
        var after: UniqueID?
        if let text = request.query("after") {
            guard let id = UniqueID(text) else {
                throw Problem.badRequest("invalid_after", "after is the id of a dead letter.")
            }
            after = id
        }
        let letters = try await desk.store.list(states, after: after, limit: limit)
        let next = letters.count == limit ? letters.last.map { $0.id.description } : nil
        return Self.json([
            "letters": .array(letters.map { .object(LetterJSON.summary($0)) }),
            "next": next.map(JSONValue.string) ?? .null,
        ])
    }

    private struct DiscardBody: Decodable { let reason: String? }

    private func discard(_ request: Request) async throws -> Response {
        let id = try Self.id(request)
        let given = try request.decodeJSON(DiscardBody.self).reason ?? ""
        let reason = given.trimmingPrefix { $0.isWhitespace }
        guard !reason.isEmpty, reason.utf8.count <= DeadLetterStore.reasonBytesMax else {
            throw Problem.invalidField(
                "/reason", "A reason of 1 to \(DeadLetterStore.reasonBytesMax) bytes is needed.")
        }
        let letter = try await desk.store.discard(
            id, reason: String(reason).replacing("\0", with: " "))
        return Self.json(LetterJSON.summary(letter))
    }

    private static func id(_ request: Request) throws(Problem) -> UniqueID {
        let text = try request.parameter("id")
        guard let id = UniqueID(text) else {
            throw .notFound("dead_letter_not_found", "There is no dead letter \(text.prefix(64)).")
        }
        return id
    }

    private static func states(_ text: String?) throws(Problem) -> [StoredLetter.State] {
        switch text {
        case nil, "open": return StoredLetter.State.open
        case "all": return StoredLetter.State.allCases
        case .some(let name):
            guard let state = StoredLetter.State(rawValue: name.uppercased()) else {
                throw .badRequest(
                    "invalid_state",
                    "state is open, all, parked, replaying, resolved or discarded.")
            }
            return [state]
        }
    }

    private static func name(_ outcome: DeadLetterDesk.Outcome) -> String {
        switch outcome {
        case .handled: "handled"
        case .duplicate: "duplicate"
        case .failed: "failed"
        case .handedBack: "handed_back"
        }
    }
}

extension DeadLetterError: ProblemConvertible {
    /// 404 for no such letter, 409 for one that may not be treated so.
    package var problem: Problem {
        switch code {
        case .notFound: .notFound(code.rawValue, message)
        case .settled, .replaysExhausted, .noConsumer, .rowGone, .inFlight:
            .conflict(code.rawValue, message)
        }
    }
}
