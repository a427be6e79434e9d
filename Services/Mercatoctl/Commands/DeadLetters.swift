import NativeServers

/// What `mercatoctl dlq` does.
package enum DeadLetterRequest: Sendable, Equatable {
    case list(state: String)
    case show(id: String)
    case replay(id: String)
    case replayAll
    case discard(id: String, reason: String)

    package static let states = ["open", "all", "parked", "replaying", "resolved", "discarded"]
}

extension Commands {
    /// Lists, shows, replays and discards dead letters of one service, or of all of them.
    func deadLetters(_ request: DeadLetterRequest, of service: String?) async throws -> ExitCode {
        let services = try service.map { name throws(CommandFailure) in
            guard DeadLetterAPI.services.contains(name) else {
                let known = DeadLetterAPI.services.joined(separator: ", ")
                throw CommandFailure(.usage, "\"\(name)\" has no dead letters; there are: \(known)")
            }
            return [name]
        } ?? DeadLetterAPI.services
        return try await places().with(.admin) { place in
            let api = DeadLetterAPI(admin: place.admin(calls))
            switch request {
            case .list(let state): try await list(state, services, api)
            case .show(let id):
                let (service, letter) = try await api.find(id, in: services)
                for line in try DeadLetterText.full(service, letter) { terminal.line(line) }
            case .replay(let id):
                let (service, _) = try await api.find(id, in: services)
                return try await replay(id, service, api) ? .done : .failed
            case .replayAll: return try await replayAll(services, api)
            case .discard(let id, let reason):
                let (service, _) = try await api.find(id, in: services)
                try await api.discard(id, of: service, reason: reason)
                terminal.line("\(id)  \(service)  discarded: \(reason)")
            }
            return .done
        }
    }

    private func list(_ state: String, _ services: [String], _ api: DeadLetterAPI) async throws {
        var count = 0
        for service in services {
            let letters = try await api.list(service, state: state)
            for line in DeadLetterText.table(letters) { terminal.line(line) }
            count += letters.count
        }
        let what = (state == "open" ? "open " : "") + (count == 1 ? "dead letter" : "dead letters")
        terminal.line(count == 0 ? "no \(what)" : "\(count) \(what)")
    }

    /// - Returns: whether the message is no longer a problem.
    private func replay(_ id: String, _ service: String, _ api: DeadLetterAPI) async throws -> Bool {
        let (outcome, letter) = try await api.replay(id, of: service)
        switch outcome {
        case "handled": terminal.line("\(id)  \(service)  handled; resolved")
        case "duplicate": terminal.line("\(id)  \(service)  was handled before; resolved")
        case "handed_back": terminal.line("\(id)  \(service)  is with the relay again; dlq show tells")
        default:
            terminal.line(
                "\(id)  \(service)  still fails: \(letter["error_class"])/\(letter["error_code"]): "
                    + "\(letter["error"]) (\(letter["replays"]) of 3 replays)")
            return false
        }
        return true
    }

    /// Oldest first within each service, so that messages of one order come in their order. One that
    /// fails or is refused does not keep the others from their turn.
    private func replayAll(_ services: [String], _ api: DeadLetterAPI) async throws -> ExitCode {
        var (good, bad) = (0, 0)
        for service in services {
            for letter in try await api.list(service, state: "parked") {
                try stack.interruption.check()
                do {
                    if try await replay(letter.id, service, api) { good += 1 } else { bad += 1 }
                } catch let failure as CommandFailure where !failure.isUnreachable {
                    terminal.line("\(letter.id)  \(service)  \(failure.message)")
                    bad += 1
                }
            }
        }
        terminal.line(good + bad == 0 ? "no parked dead letters" : "\(good) settled, \(bad) still open")
        return bad == 0 ? .done : .failed
    }
}
