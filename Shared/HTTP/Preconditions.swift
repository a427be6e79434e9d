package import Basics

/// What a server knows about the version of a resource that it is about to send.
package struct Validators: Sendable, Equatable {
    package var entityTag: EntityTag?
    package var lastModified: WallTime?

    package init(entityTag: EntityTag? = nil, lastModified: WallTime? = nil) {
        self.entityTag = entityTag
        self.lastModified = lastModified
    }

    /// What the preconditions of a request come to.
    package enum Verdict: Sendable, Equatable {
        case proceed
        /// The client has this version: 304.
        case notModified
        /// The client wants another version: 412.
        case failed
    }

    /// In the order of RFC 9110 §13.2.2. A field that cannot be read counts as absent, except that
    /// `If-None-Match` beats `If-Modified-Since` in any case (§13.1.3, H98). So does a date that is
    /// still to come: no answer of ours can have given it to the client.
    package func judge(_ request: Request, now: WallTime = .now()) -> Verdict {
        guard meetsIfMatch(request.headers) else { return .failed }
        let isRead = request.method == .get || request.method == .head
        if request.headers.contains("if-none-match") {
            guard matchesIfNoneMatch(request.headers) else { return .proceed }
            return isRead ? .notModified : .failed
        }
        guard isRead, let lastModified, let since = Self.date("if-modified-since", request.headers),
            since.second <= now.second
        else { return .proceed }
        return lastModified.second <= since.second ? .notModified : .proceed
    }

    private func meetsIfMatch(_ headers: Headers) -> Bool {
        let lines = headers.values("if-match")
        guard lines.isEmpty else {
            switch EntityTagList(lines) {
            case .any: return true
            case .tags(let tags):
                guard let entityTag else { return false }
                return tags.contains { entityTag.stronglyMatches($0) }
            // Whatever it was meant to name, it is not this version.
            case nil: return false
            }
        }
        guard let lastModified, let date = Self.date("if-unmodified-since", headers) else {
            return true
        }
        return lastModified.second <= date.second
    }

    private func matchesIfNoneMatch(_ headers: Headers) -> Bool {
        switch EntityTagList(headers.values("if-none-match")) {
        case .any: true
        case .tags(let tags):
            entityTag.map { own in tags.contains { own.weaklyMatches($0) } } ?? false
        case nil: false
        }
    }

    /// Nil for a date that is repeated or malformed: both are to be ignored (RFC 9110 §13.1.3).
    private static func date(_ name: String, _ headers: Headers) -> WallTime? {
        let lines = headers.values(name)
        return lines.count == 1 ? HTTPDate.parse(lines[0]) : nil
    }
}

extension Response {
    /// This 200 as the answer to a conditional request: with its validators, or 304 or 412 in its
    /// place. `Range` is not supported, hence ignored (RFC 9110 §14.2).
    package func answering(_ request: Request, _ validators: Validators) -> Response {
        guard status == 200 else { return self }
        var answer = self
        answer.headers["etag"] = validators.entityTag?.text
        answer.headers["last-modified"] = validators.lastModified.map(HTTPDate.text)
        switch validators.judge(request) {
        case .proceed: return answer
        case .failed:
            return Problem(
                status: 412, code: "precondition_failed",
                detail: "The resource has another version than the request asks for."
            ).response(for: request.context)
        case .notModified:
            // What describes the content would only describe what is not there (RFC 9110 §15.4.5).
            let described = ["content-type", "content-encoding", "content-language"]
            answer.headers.removeAll { described.contains($0) }
            return Response(status: 304, headers: answer.headers)
        }
    }
}

extension WallTime {
    /// Dates of HTTP have no fraction.
    fileprivate var second: Int64 { microseconds / 1_000_000 }
}
