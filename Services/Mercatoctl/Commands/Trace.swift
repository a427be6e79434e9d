import Basics

extension Commands {
    /// The trace of one order as a tree.
    func trace(_ text: String) async throws -> ExitCode {
        guard let order = UniqueID(text) else {
            throw CommandFailure(
                .usage, "\"\(text)\" is no order id",
                details: ["it is the id that the shop and `mercatoctl demo` show"])
        }
        return try await places().with([.jaeger, .admin]) { place in
            guard let url = place.jaegerURL else { throw Self.noJaeger(place.kind) }
            let found: [JaegerTrace]
            do {
                found = try await JaegerAPI(url: url, calls: calls).traces(of: order)
            } catch let failure as CommandFailure where failure.isUnreachable {
                throw CommandFailure(
                    .failed, "Jaeger does not answer at \(url)", details: Self.restart(place.kind))
            }
            guard let trace = found.first else { throw await unknown(order, url, place) }
            for line in TraceListing.lines(trace, order: order.description) { terminal.line(line) }
            for other in found.dropFirst() {
                terminal.line("also in trace \(other.traceID), \(other.spans.count) spans")
            }
            terminal.line()
            terminal.line("in the browser: \(Self.page(pages(url) ?? url, trace.traceID))")
            return .done
        }
    }

    /// Where a browser finds the Jaeger at `url`: inside a container the two are not the same, and
    /// `MERCATO_JAEGER_PAGES_URL` names the other.
    func pages(_ url: String?) -> String? {
        let named = settings.environment["MERCATO_JAEGER_PAGES_URL"] ?? ""
        return named.isEmpty ? url : url.map { _ in named }
    }

    static func page(_ url: String, _ traceID: String) -> String { "\(url)/trace/\(traceID)" }

    private static func noJaeger(_ kind: PlaceKind) -> CommandFailure {
        let remedy =
            switch kind {
            case .native:
                "put `jaeger` (version 2) on PATH and start anew: mercatoctl down, mercatoctl up"
            case .compose: "its container does not run: docker compose up -d jaeger"
            case .kubernetes: "the release has none: helm upgrade with tracing.enabled=true"
            }
        return CommandFailure(
            .failed, "no Jaeger is known for this place (\(kind.rawValue))",
            details: [remedy, "or name one: --jaeger http://HOST:16686, or MERCATO_JAEGER_URL"])
    }

    private static func restart(_ kind: PlaceKind) -> [String] {
        switch kind {
        case .native: ["mercatoctl status; mercatoctl start jaeger"]
        case .compose: ["docker compose ps jaeger; docker compose up -d jaeger"]
        case .kubernetes: ["kubectl get pods; its reasons: kubectl describe pod"]
        }
    }

    /// No trace: is there such an order at all? Its service knows.
    private func unknown(_ order: UniqueID, _ url: String, _ place: Place) async -> CommandFailure {
        var isKnown: Bool?
        do {
            var found = false
            try await AuditReader(place.admin(calls)).rows(of: "order") { table, row in
                if table == "orders", row.optionalText("order_id") == order.description { found = true }
            }
            isKnown = found
        } catch {
            // Without the admin port nobody can tell; the words below say both.
            isKnown = nil
        }
        guard isKnown != false else {
            return CommandFailure(
                .failed, "there is no order \(order)", details: ["the Order service does not know it"])
        }
        return CommandFailure(
            .failed, "Jaeger at \(url) has no trace of the order \(order)",
            details: [
                "spans come some seconds after the order: ask again",
                "Jaeger keeps the newest traces only, and none of the time before it was started",
            ] + (isKnown == nil ? ["does the order exist? mercatoctl order show \(order)"] : []))
    }
}
