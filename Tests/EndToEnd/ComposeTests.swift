import Basics
import Foundation
import Mercatoctl
import NativeServers
import Sockets
import Support
import Synchronization
import Testing

/// Docker Compose from nothing and back to nothing, as a user drives it: with make.
@Suite(
    .serialized, .timeLimit(.minutes(45)),
    // Builds images and starts 13 containers.
    .enabled(
        if: Gate.isOpen("MERCATO_TEST_COMPOSE"),
        "Docker Compose: run by make test-compose, which needs a Docker engine"))
struct ComposeTests {
    private static let programs = [
        "gateway", "cart", "order", "inventory", "payment", "payment-provider",
    ]

    /// One service by default; `MERCATO_TEST_COMPOSE_KILL="cart kafka …"` names others.
    private static var killed: [String] {
        (ProcessInfo.processInfo.environment["MERCATO_TEST_COMPOSE_KILL"] ?? "order")
            .split(separator: " ").map(String.init)
    }

    @Test func `from nothing to a confirmed order, through a kill under load, and away`()
        async throws
    {
        let project = try ComposeProject("whole")
        try await project.whileItLasts {
            let up = try await project.make("up")
            try #require(up.status == 0, "\(up.output)\(up.errors)")
            #expect(up.output.contains("smoke passed"))
            #expect(up.output.contains(project.gatewayURL), "\(up.output)")
            #expect(up.output.contains("trace http://127.0.0.1:"), "\(up.output)")
            let order = try #require(
                up.output.firstMatch(of: /order ([0-9a-f]{8}-[0-9a-f-]{27})/)?.1, "\(up.output)")

            for program in Self.programs { try await isConfined(program, project) }
            try await isOneTrace(String(order), project)
            for service in Self.killed { try await survivesKill(of: service, project) }

            let down = try await project.make("down")
            #expect(down.status == 0, "\(down.errors)")
            #expect(try await project.things("ps", "-a").isEmpty)
            #expect(try await project.things("network", "ls").isEmpty)
            #expect(try await project.things("volume", "ls").count == 6)

            let clean = try await project.make("clean")
            #expect(clean.status == 0, "\(clean.errors)")
            #expect(try await project.things("volume", "ls").isEmpty)
        }
    }

    @Test func `a missing secret stops the start before anything is made, and is named`()
        async throws
    {
        let folder = try ScratchFolder.make("secrets")
        let demo = ComposeProject.root + "/deploy/docker/secrets"
        for name in try FileManager.default.contentsOfDirectory(atPath: demo)
        where name != "order_app_password" {
            try FileManager.default.copyItem(atPath: "\(demo)/\(name)", toPath: "\(folder)/\(name)")
        }
        let project = try ComposeProject("secret", secrets: folder)
        try await project.whileItLasts {
            let up = try await project.make("up")
            #expect(up.status == 2 && up.errors.contains("Error 3"), "\(up.errors)")
            #expect(
                up.errors.contains("a secret is missing: \(folder)/order_app_password"),
                "\(up.errors)")
            #expect(try await project.things("ps", "-a").isEmpty)

            // Compose alone says it, too, though not what to do.
            let bare = try await project.compose("up", "-d", "--no-deps", "order")
            #expect(bare.status != 0)
            #expect(bare.errors.contains("\(folder)/order_app_password"), "\(bare.errors)")
        }
    }

    /// No rights, nothing to write to, a limit, and ports on this machine alone.
    private func isConfined(_ program: String, _ project: ComposeProject) async throws {
        let seen = try await project.inspect(
            program,
            "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} "
                + "{{.State.Health.Status}} {{gt .HostConfig.Memory 0}}")
        #expect(seen == "10001:10001 true [ALL] healthy true", "\(program)")
        let hosts = try await project.inspect(
            program, "{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}")
        #expect(hosts.split(separator: " ").allSatisfy { $0 == "127.0.0.1" }, "\(program): \(hosts)")
    }

    /// The spans leave in batches, so the last of them come a moment after the order.
    private func isOneTrace(_ order: String, _ project: ComposeProject) async throws {
        let last = Mutex("")
        do {
            try await eventually("a trace with all six services", within: .seconds(60)) {
                let outcome = try await project.control("trace", order)
                let text = outcome.output + outcome.errors
                last.withLock { $0 = text }
                return outcome.status == 0 && Self.programs.allSatisfy { text.contains($0) }
            }
        } catch {
            Issue.record("\(error):\n\(last.withLock { $0 })")
        }
    }

    /// Five orders a second for 20 s; the service is away from the 25th to the 50th.
    private func survivesKill(of service: String, _ project: ComposeProject) async throws {
        let collected = Mutex<[BuyRecord]>([])
        try await TestLoop.run { loop in
            var patience = ShopBuyer.Patience()
            patience.tries = 40
            patience.follow = .seconds(60)
            let buyer = ShopBuyer(
                transport: ShopConnections(url: project.gatewayURL, maxInFlight: 200, loop: loop),
                loop: loop, patience: patience)
            // All shelves: two of them are empty after four kills.
            let skus = DemoProduct.catalogue.filter { $0.firstDelivery > 0 }.map(\.sku)
            let arrivals = try OpenLoop(rate: 5, duration: .seconds(20))
            _ = try await arrivals.run(on: loop) { arrival in
                // Ignored: that it was away and is back is asserted below.
                if arrival.index == 25 { _ = try? await project.compose("kill", service) }
                if arrival.index == 50 { _ = try? await project.start(service) }
                let record = await buyer.buy(
                    Purchase(sku: skus[arrival.index % skus.count]), intended: arrival.intended)
                collected.withLock { $0.append(record) }
            }
        }
        // docker counts what it starts again by itself; this start was ours, after the kill.
        let life = try await project.inspect(service, "{{.State.FinishedAt}} {{.State.Status}}")
        #expect(!life.hasPrefix("0001") && life.hasSuffix("running"), "\(life)")
        let check = try await project.control("check", "--wait", "60")
        #expect(check.status == 0, "\(check.output)\(check.errors)")
        let records = collected.withLock { $0 }
        let confirmed = records.count { $0.end == .confirmed }
        let calls = records.flatMap(\.calls)
        print(
            "\(service) killed for 5 of 20 s: \(records.count) orders, \(confirmed) confirmed, "
                + "\(calls.count { !$0.isGood }) of \(calls.count) requests failed, check clean: "
                + "\(check.status == 0)")
        #expect(
            records.count == 100 && confirmed >= 80, "\(confirmed) of \(records.count) confirmed")
    }
}
