import Foundation

/// `/admin/<service>/dead-letters` of every service that consumes messages.
struct DeadLetterAPI: Sendable {
    /// Services with a dead-letter table, in the order people read them.
    static let services = ["cart", "order", "inventory", "payment"]
    /// Pages read of one service at most; each has up to 500 letters.
    private static let pagesMax = 200
    private static let pageSize = 500

    let admin: AdminAPI

    /// One letter as the service shows it; strings only, ready to be printed.
    struct Letter: Sendable {
        let service: String
        let id: String
        let columns: [String: String]

        subscript(_ name: String) -> String { columns[name] ?? "-" }

        init(service: String, _ object: JSONObject) throws(CommandFailure) {
            self.service = service
            id = try object.text("id")
            var columns: [String: String] = [:]
            for name in object.names {
                columns[name] = object.optionalText(name) ?? object.optionalInteger(name).map(String.init)
            }
            self.columns = columns
        }
    }

    /// Every letter of a service in this state, oldest first.
    func list(_ service: String, state: String) async throws -> [Letter] {
        var letters: [Letter] = []
        var after = ""
        for _ in 0..<Self.pagesMax {
            let answer = try await admin.get(
                "/admin/\(service)/dead-letters?state=\(state)&limit=\(Self.pageSize)\(after)")
            let page = try JSONObject(answer.body, what: "the dead letters of \(service)")
            letters += try page.objects("letters").map { object throws(CommandFailure) in
                try Letter(service: service, object)
            }
            guard let next = page.optionalText("next") else { break }
            after = "&after=\(next)"
        }
        return letters
    }

    /// The service that has this letter: each is asked, for the id says nothing about its home.
    func find(_ id: String, in services: [String]) async throws -> (service: String, letter: JSONObject) {
        for service in services {
            let url = "\(admin.url)/admin/\(service)/dead-letters/\(id)"
            let answer = try await admin.calls.call("GET", url, headers: admin.headers, body: nil)
            if answer.status == 404 { continue }
            guard answer.status == 200 else {
                throw Problem.failure("the dead letters of \(service)", answer)
            }
            return (service, try JSONObject(answer.body, what: "the dead letter"))
        }
        throw CommandFailure(
            .failed, "no service has the dead letter \(id)", details: ["mercatoctl dlq list --state all"])
    }

    /// - Returns: how it ended, and the letter as it is now; or why it was refused.
    func replay(_ id: String, of service: String) async throws -> (outcome: String, letter: Letter) {
        struct Nothing: Encodable {}
        let answer = try await admin.send(
            "POST", "/admin/\(service)/dead-letters/\(id)/replay", Nothing())
        let object = try JSONObject(answer.body, what: "the replay")
        return (try object.text("outcome"), try Letter(service: service, object))
    }

    func discard(_ id: String, of service: String, reason: String) async throws {
        struct Body: Encodable { let reason: String }
        try await admin.send(
            "POST", "/admin/\(service)/dead-letters/\(id)/discard", Body(reason: reason))
    }
}
