import Basics

/// An error as a client sees it: RFC 9457 `application/problem+json` (PJ-1).
package struct Problem: Error, Sendable {
    package var status: Int
    /// A stable slug in snake case; clients branch on it.
    package var code: String
    package var title: String
    /// A sentence for people; no stack, host or SQL.
    package var detail: String?
    package var headers: Headers
    /// Further members of the document.
    package var extensions: [String: JSONValue]
    /// The document's `type` where a registered one exists; nil for our own prefix and the code.
    package var type: String?

    package init(
        status: Int, code: String, title: String? = nil, detail: String? = nil,
        headers: Headers = [:], extensions: [String: JSONValue] = [:], type: String? = nil
    ) {
        self.status = status
        self.code = code
        self.title = title ?? StatusPhrase.text(for: status)
        self.detail = detail
        self.headers = headers
        self.extensions = extensions
        self.type = type
    }

    /// The document's `type` is this followed by the code, unless the problem names another.
    package static let typePrefix = "https://mercato.example/problems/"

    /// `requestID` becomes the `instance` when it is a UUID.
    package func response(requestID: String = "", traceID: String? = nil) -> Response {
        var members = extensions
        members["type"] = .string(type ?? Self.typePrefix + code)
        members["title"] = .string(title)
        members["status"] = .integer(Int64(status))
        members["code"] = .string(code)
        if let detail { members["detail"] = .string(detail) }
        if UniqueID(requestID) != nil { members["instance"] = .string("urn:uuid:" + requestID) }
        if let traceID { members["trace_id"] = .string(traceID) }
        return .bytes(
            status, JSONValue.object(members).bytes, type: "application/problem+json",
            headers: headers)
    }

    package func response(for context: RequestContext) -> Response {
        response(requestID: context.requestID, traceID: context.traceID)
    }
}

/// An error that knows the problem it is to a client; the router asks for it.
package protocol ProblemConvertible: Error {
    var problem: Problem { get }
}

extension ParseError: ProblemConvertible {}

extension Problem {
    package static func badRequest(_ code: String, _ detail: String) -> Problem {
        Problem(status: 400, code: code, detail: detail)
    }

    package static func unauthorized(_ detail: String) -> Problem {
        Problem(
            status: 401, code: "unauthenticated", detail: detail,
            headers: ["www-authenticate": "Bearer"])
    }

    package static func notFound(_ code: String = "not_found", _ detail: String? = nil) -> Problem {
        Problem(status: 404, code: code, detail: detail)
    }

    package static func conflict(_ code: String, _ detail: String) -> Problem {
        Problem(status: 409, code: code, detail: detail)
    }

    package static func unprocessable(_ code: String, _ detail: String) -> Problem {
        Problem(status: 422, code: code, detail: detail)
    }

    /// 422 `invalid_field`, with the JSON Pointer of the field in `errors`.
    package static func invalidField(_ pointer: String, _ detail: String) -> Problem {
        Problem(
            status: 422, code: "invalid_field", detail: detail,
            extensions: ["errors": .pointers([(pointer, detail)])])
    }

    package static func unavailable(_ code: String, _ detail: String, retryAfterSeconds: Int = 1)
        -> Problem
    {
        Problem(
            status: 503, code: code, detail: detail,
            headers: ["retry-after": String(max(1, retryAfterSeconds))])
    }

    package static func gatewayTimeout(_ code: String, _ detail: String) -> Problem {
        Problem(status: 504, code: code, detail: detail)
    }

    package static let routeNotFound = Problem.notFound(
        "not_found", "There is no resource at this path.")

    package static let deadlineExceeded = Problem.gatewayTimeout(
        "deadline_exceeded", "The request could not be answered in the time it was given.")

    package static let internalError = Problem(
        status: 500, code: "internal", detail: "The request failed on our side.")

    /// Nobody reads this one: the client has gone. It is what the access log shows.
    package static let clientClosed = Problem(status: 499, code: "client_closed_request")
}

extension JSONValue {
    /// The `errors` member of a problem: JSON Pointers with what is wrong there (PJ-1).
    package static func pointers(_ errors: [(pointer: String, detail: String)]) -> JSONValue {
        .array(
            errors.map { .object(["pointer": .string($0.pointer), "detail": .string($0.detail)]) })
    }
}
