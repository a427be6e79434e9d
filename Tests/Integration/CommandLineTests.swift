import Basics
import Foundation
import Glibc
import Mercatoctl
import NativeServers
import Support
import Testing

/// `mercatoctl` as a user meets it: exit codes, words, and nothing left behind.
@Suite(.serialized) struct CommandLineTests {
    private func running(_ stack: WholeStack) throws -> [String] {
        try StackFile.load(stack.settings.stackFile)?.running.map(\.name) ?? []
    }

    @Test func `the demo walks three orders, twice, and leaves nothing running`() async throws {
        try await WholeStack.alone {
            let stack = try WholeStack()
            for round in ["first", "second"] {
                let outcome = try await stack.mercatoctl("demo", adding: ["ONCE": "1"])
                let output = outcome.output + outcome.errors
                #expect(outcome.status == 0, "\(round): \(output)")
                #expect(output.contains("CONFIRMED"))
                #expect(output.contains("CANCELLED (payment_declined)"))
                #expect(output.contains("StockReleased"))
                #expect(output.contains("CANCELLED (no_stock)"))
                #expect(try running(stack).isEmpty)
            }
            // The second walk found the first one's data.
            try await succeed(stack, "up")
            let orders = try await stack.orderCount()
            #expect(orders == 6)
            try await succeed(stack, "down")
        }
    }

    private func succeed(_ stack: WholeStack, _ command: String) async throws {
        let outcome = try await stack.mercatoctl(command)
        #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    }

    @Test func `up on a running stack says so, a killed service is shown and can be started again`()
        async throws
    {
        try await WholeStack.alone {
            let stack = try await WholeStack.start()
            let again = try await stack.mercatoctl("up")
            #expect(again.status == 0)
            #expect((again.output + again.errors).contains("running"))
            try await stack.kill("cart")
            let status = try await stack.mercatoctl("status")
            let line = status.output.split(separator: "\n").first { $0.hasPrefix("cart") }
            #expect(line?.contains("ready") == false, "\(status.output)")
            try await stack.startAgain("cart")
            let unknown = try await stack.mercatoctl("restart", "no-such-thing")
            #expect(unknown.status == 2)
            try await stack.down()
            #expect(try running(stack).isEmpty)
        }
    }

    @Test func `a port in use is named with the process that holds it, exit 4`() async throws {
        try await WholeStack.alone {
            let stack = try WholeStack()
            let port = stack.settings.ports.gateway
            let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(holder) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(UInt16(port)).bigEndian
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            let bound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(holder, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            #expect(bound == 0 && listen(holder, 1) == 0)
            let outcome = try await stack.mercatoctl("up")
            let output = outcome.output + outcome.errors
            #expect(outcome.status == 4, "\(output)")
            #expect(output.contains("\(port)") && output.contains("\(getpid())"), "\(output)")
            #expect(try running(stack).isEmpty)
        }
    }

    @Test(arguments: ["databases ready", "services ready", "OrderPlaced"])
    func `Ctrl-C at any time leaves nothing running, exit 130`(moment: String) async throws {
        try await WholeStack.alone {
            let stack = try WholeStack()
            let demo = try await stack.begin("demo")
            try await eventually("demo printed \(moment)", within: .seconds(60)) {
                demo.output.contains(moment)
            }
            demo.child.identity.signal(SIGINT)
            let status = try await demo.ended(within: .seconds(30))
            #expect(status == 130, "\(demo.output)")
            #expect(try running(stack).isEmpty)
        }
    }

    @Test func `without PostgreSQL a service says where it looked, is not ready, and goes on trying`()
        async throws
    {
        try await WholeStack.alone {
            let stack = try await WholeStack.start()
            try await stack.kill("postgres-cart")
            try await stack.kill("cart")
            // The operator's command waits for readiness in vain; the process itself must live.
            let cart = try await stack.begin("start", "cart")
            let operations = stack.settings.ports.operations(.cart)
            try await TestLoop.run { loop in
                let client = ShopClient("http://127.0.0.1:\(operations)", loop: loop)
                let port = stack.settings.ports.postgres(.cart)
                try await eventually("not ready, with the cause", within: .seconds(30)) {
                    let answer = try await client.call("GET", "/readyz")
                    return answer.status == 503 && answer.text.contains("\(port)")
                }
                let live = try await client.call("GET", "/livez")
                #expect(live.status == 200)
                try await stack.startAgain("postgres-cart")
                try await eventually("ready again", within: .seconds(30)) {
                    try await client.call("GET", "/readyz").status == 200
                }
            }
            _ = try await cart.ended(within: .seconds(70))
            try await stack.down()
        }
    }

    @Test func `without the broker a service is ready and says degraded, until promises grow old`()
        async throws
    {
        try await WholeStack.alone {
            let stack = try await WholeStack.start(adding: ["MERCATO_OUTBOX_AGE_MAX_MS": "3000"])
            try await stack.kill("devbroker")
            let operations = stack.settings.ports.operations(.order)
            try await TestLoop.run { loop in
                let order = ShopClient("http://127.0.0.1:\(operations)", loop: loop)
                try await eventually("degraded", within: .seconds(30)) {
                    let answer = try await order.call("GET", "/readyz")
                    return answer.status == 200 && answer.json["status"] as? String == "degraded"
                }
                let shop = ShopClient(stack.publicURL, loop: loop)
                let placed = try await shop.place("MUG-BLUE", card: "tok_ok")
                try await eventually("not ready once the message is old", within: .seconds(30)) {
                    try await order.call("GET", "/readyz").status == 503
                }
                try await stack.startAgain("devbroker")
                try await shop.reaches("CONFIRMED", placed, within: .seconds(60))
            }
            try await stack.down()
        }
    }
}
