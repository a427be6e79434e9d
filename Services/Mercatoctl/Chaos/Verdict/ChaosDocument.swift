import Basics
import Foundation

/// A result as JSON, for programs. Times are seconds since the first order.
package struct ChaosDocument: Encodable, Sendable {
    struct Share: Encodable { let placed, confirmed: Int }
    struct Seen: Encodable {
        let at: Double
        let source, state: String
        let proves_fault: Bool
    }
    struct Order: Encodable {
        let intent, end, key: String
        let order_id: String?
        let intended: Double
        let accepted, decided: Double?
    }

    let scenario, place, verdict, description, hypothesis, fault: String
    var reason: String?
    var failures: [String] = []
    var seed: UInt64?
    var began: String?
    var injected, mended: String?
    var fault_began, fault_ended, target_back, quiet: Double?
    var placed_in_fault, in_flight_at_begin: Int?
    var outside, inside: Share?
    var first_success, slowest_order: Double?
    var check_clean: Bool?
    var evidence: [Seen] = []
    var orders: [Order] = []

    package init(_ result: ChaosResult) {
        let scenario = result.scenario
        self.scenario = scenario.name
        place = result.place.rawValue
        verdict = result.word.lowercased()
        description = scenario.description
        hypothesis = scenario.hypothesis
        fault = scenario.fault.title
        switch result {
        case .skipped(_, _, let reason): self.reason = reason
        case .judged(let verdict): fill(verdict)
        }
    }

    private mutating func fill(_ verdict: ChaosVerdict) {
        let record = verdict.record
        failures = verdict.failures
        seed = record.seed
        began = record.began.iso8601
        injected = record.injected
        mended = record.mended
        fault_began = record.faultBegan?.inSeconds
        fault_ended = record.faultEnded?.inSeconds
        target_back = record.restored?.inSeconds
        quiet = record.quiet?.inSeconds
        placed_in_fault = verdict.placedInFault
        in_flight_at_begin = verdict.inFlightAtBegin
        outside = Share(placed: verdict.outside.placed, confirmed: verdict.outside.confirmed)
        inside = Share(placed: verdict.inside.placed, confirmed: verdict.inside.confirmed)
        first_success = verdict.firstSuccess?.inSeconds
        slowest_order = verdict.slowestOrder?.inSeconds
        check_clean = record.check?.isClean
        evidence = record.evidence.entries.map {
            Seen(
                at: $0.at.inSeconds, source: $0.sighting.source, state: $0.sighting.state,
                proves_fault: $0.sighting.provesFault)
        }
        orders = record.orders.map {
            Order(
                intent: $0.intent.rawValue, end: $0.end.text, key: $0.key, order_id: $0.orderID,
                intended: $0.intended.inSeconds, accepted: $0.accepted?.inSeconds,
                decided: $0.decided?.inSeconds)
        }
    }

    package var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
        }
    }
}
