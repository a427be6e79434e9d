import Basics
import Foundation
import HTTP

/// Routes of the operations port: faults, and the journal as NDJSON.
struct OperatorRoutes: Sendable {
    let desk: ProviderDesk

    /// The longest delay that can be asked for.
    static let delayMax: Int64 = 600_000
    /// Lines joined into one chunk of the audit.
    private static let linesPerChunk = 200

    func add(to router: inout Router) {
        router.on(.put, "/internal/faults", bodyLimit: 4_096) { request in
            let body = try request.decodeJSON(FaultBody.self)
            let delay = body.delayMilliseconds ?? 0
            guard (0...Self.delayMax).contains(delay), body.count.map({ $0 >= 0 }) ?? true else {
                throw Problem.unprocessable(
                    "invalid_field", "delay_ms must be 0 to 600000, count not negative.")
            }
            await desk.setFault(
                FaultSwitch(mode: body.mode, delay: .milliseconds(delay), count: body.count))
            return try .json(200, FaultBody(await desk.currentFault, met: await desk.faultsMet))
        }
        router.on(.get, "/internal/faults") { _ in
            try .json(200, FaultBody(await desk.currentFault, met: await desk.faultsMet))
        }
        router.on(.get, "/internal/audit") { _ in await audit() }
    }

    private func audit() async -> Response {
        let journal = await desk.journal
        let head = #"{"t":"audit","r":{"service":"payment-provider","at":"\#(WallTime.now())"}}"#
        return .stream(200, type: "application/x-ndjson") { writer in
            try await writer.write(Array((head + "\n").utf8))
            var chunk: [UInt8] = []
            for (index, entry) in journal.enumerated() {
                chunk += Array(#"{"t":"journal","r":"#.utf8)
                chunk += try JournalFile.encode(entry.shown)
                chunk += Array("}\n".utf8)
                if index % Self.linesPerChunk == Self.linesPerChunk - 1 {
                    try await writer.write(chunk)
                    chunk = []
                }
            }
            chunk += Array(#"{"t":"end","r":{"rows":\#(journal.count)}}"#.utf8) + [10]
            try await writer.write(chunk)
        }
    }
}

extension JournalEntry {
    /// What operators see: the card's token stays in the file.
    fileprivate var shown: JournalEntry {
        var entry = self
        entry.evidence.cardToken = nil
        return entry
    }
}

/// The body of PUT and GET /internal/faults.
private struct FaultBody: Codable {
    let mode: FaultSwitch.Mode
    let delayMilliseconds: Int64?
    let count: Int?
    /// In answers: calls that met a fault since the switch was last turned to one.
    let met: Int?

    enum CodingKeys: String, CodingKey {
        case mode
        case delayMilliseconds = "delay_ms"
        case count, met
    }

    init(_ fault: FaultSwitch, met: Int) {
        mode = fault.mode
        delayMilliseconds = fault.delay.inMilliseconds
        count = fault.remaining
        self.met = met
    }
}
