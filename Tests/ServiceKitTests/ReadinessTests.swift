import Foundation
import Testing

@testable import ServiceKit

@Suite struct ReadinessTests {
    @Test func `without checks it is ready`() {
        let readiness = Readiness()
        #expect(readiness.isReady)
        #expect(readiness.report == ReadinessReport(status: "ready", checks: [:]))
    }

    @Test func `a degraded check keeps it ready and shows its cause (HC-1)`() {
        let readiness = Readiness()
        readiness.set("postgres", .ready)
        readiness.set("kafka", .degraded("no broker"))
        #expect(readiness.isReady)
        #expect(readiness.report.status == "degraded")
        #expect(
            readiness.report.checks["kafka"]
                == ReadinessReport.Check(status: "degraded", cause: "no broker"))
    }

    @Test func `one check that is not ready decides, until it is ready`() {
        let readiness = Readiness()
        readiness.set("a", .notReady("x"))
        readiness.set("b", .degraded("y"))
        #expect(!readiness.isReady)
        #expect(readiness.report.status == "not_ready")
        readiness.set("a", .ready)
        #expect(readiness.isReady)
        readiness.remove("b")
        #expect(readiness.report.status == "ready")
    }

    @Test func `a cause is cut at its limit`() {
        let readiness = Readiness()
        readiness.set("a", .notReady(String(repeating: "x", count: 10_000)))
        #expect(readiness.report.checks["a"]?.cause?.count == CheckState.causeMax)
    }
}
