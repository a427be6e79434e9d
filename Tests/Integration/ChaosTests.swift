import Foundation
import Mercatoctl
import NativeServers
import Glibc
import Support
import Testing

/// `mercatoctl chaos` on real processes. The scenario is a small one with limits of its own: what
/// counts is that each part does its work; the verdicts that count are those of `make chaos`.
extension WholeStackTests {
    private static let scenario = """
        name: small-kill-payment
        description: the payment service is killed for three seconds
        hypothesis: nobody is charged twice
        fault: {what: kill, target: payment, at: 2s, for: 3s}
        load: {rate: 4, duration: 8s, patience: 10s}
        limits: {quiescence: 30s, orders_in_fault: 8, confirmed_percent: 80}
        where: [native]
        """

    private func file(_ text: String) throws -> (folder: String, path: String) {
        let folder = try ScratchFolder.make("chaos")
        let path = folder + "/small.yaml"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        return (folder, path)
    }

    @Test func `chaos kills payment under load, sees it gone, brings it back and judges`() async throws {
        try await withShop { stack, _ in
            let (folder, path) = try self.file(Self.scenario)
            let before = try stack.process("payment")
            let outcome = try await stack.mercatoctl(
                "chaos", path, "--scenarios", folder, "--report", folder + "/report", "--seed", "7")
            #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
            #expect(outcome.output.contains("small-kill-payment on native: PASSED"))
            #expect(outcome.output.contains("* /proc, process of payment: \(before.pid) is gone"))
            #expect(outcome.output.contains("1 passed, 0 failed, 0 skipped"))
            let report = try #require(Folders.text(of: folder + "/report/small-kill-payment.json"))
            #expect(report.contains("\"verdict\" : \"passed\""))
            let after = try stack.process("payment")
            #expect(after != before && after.isRunning)
            try await self.expectClean(stack)
        }
    }

    @Test func `Ctrl-C in the middle of the fault brings back what was stopped`() async throws {
        try await withShop { stack, _ in
            let text = Self.scenario.replacing("what: kill", with: "what: pause")
                .replacing("target: payment", with: "target: cart")
            let (folder, path) = try self.file(text)
            let cart = try stack.process("cart")
            let command = try await stack.begin("chaos", path, "--report", folder + "/report")
            try await eventually("cart is paused", within: .seconds(20)) { cart.isStopped }
            command.child.signal(SIGINT)
            #expect(try await command.ended(within: .seconds(20)) == 130)
            #expect(cart.isRunning && !cart.isStopped)
            try await self.expectClean(stack)
        }
    }

    @Test func `a scenario with an unknown target is refused by file and line`() async throws {
        try await withShop { stack, _ in
            let text = Self.scenario.replacing("target: payment", with: "target: paymint")
            let (_, path) = try self.file(text)
            let outcome = try await stack.mercatoctl("chaos", path)
            #expect(outcome.status == 2)
            #expect(outcome.errors.contains("small.yaml:4: fault.target: \"paymint\" is not one of"))
            #expect(outcome.errors.contains("did you mean payment?"))
        }
    }
}
