import Basics
import Foundation
import Glibc
import NativeServers
import Sockets
import Support
import Testing

@testable import Mercatoctl

@Suite struct ChaosBackendTests {
    private static let unusedAdmin = AdminAPI(
        url: "http://127.0.0.1:1", calls: FakeAudits([:]))

    private func fault(_ action: ChaosFault.Action, _ target: ChaosTarget) -> ChaosFault {
        ChaosFault(action, target)
    }

    // MARK: What is not possible where

    @Test func `what a place cannot do is named with its reason`() throws {
        let tools = try FakeTools()
        let settings = try tools.settings()
        let stack = Stack(settings, terminal: .silent, interruption: Interruption())
        let native = NativeBackend(stack, Self.unusedAdmin)
        #expect(native.obstacle(to: fault(.disconnect, .payment))?.contains("share its network") == true)
        #expect(native.obstacle(to: fault(.scaleToZero, .order)) != nil)
        #expect(native.obstacle(to: fault(.pause, .postgresOrder)) != nil)
        #expect(native.obstacle(to: fault(.kill, .postgresOrder)) == nil)
        #expect(native.obstacle(to: fault(.wipe, .broker)) == nil)
        #expect(NativeBackend.obstacle(to: fault(.wipe, .broker), broker: .kafka(home: "/k")) != nil)
        #expect(NativeBackend.obstacle(to: fault(.kill, .broker), broker: .external("h:1")) != nil)
    }

    @Test func `Compose cannot wipe, and Kubernetes cannot pause`() async throws {
        let tools = try FakeTools()
        let settings = try tools.settings()
        try await TestLoop.run { loop in
            let compose = ComposeBackend(
                .docker(settings.environment), project: "mercato", admin: Self.unusedAdmin, loop: loop)
            #expect(compose.obstacle(to: ChaosFault(.wipe, .broker)) != nil)
            #expect(compose.obstacle(to: ChaosFault(.scaleToZero, .order)) != nil)
            #expect(compose.obstacle(to: ChaosFault(.disconnect, .payment)) == nil)
            let kubernetes = KubernetesBackend(Self.cluster(settings, loop), admin: Self.unusedAdmin)
            #expect(kubernetes.obstacle(to: ChaosFault(.pause, .order)) != nil)
            #expect(kubernetes.obstacle(to: ChaosFault(.wipe, .broker)) != nil)
            #expect(kubernetes.obstacle(to: ChaosFault(.scaleToZero, .order)) == nil)
        }
    }

    // MARK: Native: a real process, of ours

    /// A stack of one harmless process that stands for a service.
    private func sleeper() async throws -> (stack: Stack, entry: StackFile.Entry, child: ChildProcess) {
        let tools = try FakeTools()
        let settings = try tools.settings()
        try Folders.make(settings.runFolder)
        let port = try FreePort.any()
        let script = """
            import socket,sys
            s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(8)
            while True: s.accept()[0].close()
            """
        let launch = Launch(
            name: "payment", kind: .service, program: "/usr/bin/python3",
            arguments: ["-c", script, String(port)], environment: [:],
            log: tools.folder + "/payment.log", port: port, portKey: "MERCATO_PORT_PAYMENT",
            readiness: .connects, stopSignal: SIGTERM, stopSeconds: 5)
        let child = try await Blocking.run {
            let child = try ChildProcess(launch)
            try child.waitUntilReady(within: .seconds(10))
            return child
        }
        Watchdog.shared.watch(child.identity)
        let entry = StackFile.Entry(launch: launch, process: child.identity)
        var file = StackFile(publicURL: "http://127.0.0.1:1", adminURL: "http://127.0.0.1:1")
        file.record(entry)
        try file.save(settings.stackFile)
        return (Stack(settings, terminal: .silent, interruption: Interruption()), entry, child)
    }

    @Test func `a killed process is seen gone, and started again as it was`() async throws {
        let (stack, entry, child) = try await sleeper()
        let injector = try await NativeBackend(stack, Self.unusedAdmin)
            .injector(for: ChaosFault(.kill, .payment))
        #expect(await injector.look().contains { $0.provesFault } == false)
        #expect(try await injector.strike() == "SIGKILL to process \(entry.process.pid)")
        _ = try await Blocking.run { child.waitForExit(within: .seconds(5)) }
        let during = await injector.look()
        #expect(during.allSatisfy { $0.provesFault }, "\(during)")
        #expect(during.first?.state == "\(entry.process.pid) is gone")
        _ = try await injector.mend()
        let again = try #require(try stack.file()?.entry("payment"))
        Watchdog.shared.watch(again.process)
        #expect(again.process != entry.process && again.process.isRunning)
        #expect(await injector.look().allSatisfy { !$0.provesFault })
        #expect(try await injector.mend() == "process \(again.process.pid) runs")
        again.process.stop(signal: SIGKILL, within: .seconds(5))
    }

    @Test func `a paused process is in state T until it is taken back`() async throws {
        let (stack, entry, child) = try await sleeper()
        let injector = try await NativeBackend(stack, Self.unusedAdmin)
            .injector(for: ChaosFault(.pause, .payment))
        _ = try await injector.strike()
        try await eventually("it is stopped", within: .seconds(5)) { entry.process.isStopped }
        #expect(await injector.look().first?.state == "\(entry.process.pid) is stopped (T)")
        #expect(await injector.look().first?.provesFault == true)
        #expect(try await injector.mend() == "SIGCONT to process \(entry.process.pid)")
        try await eventually("it runs", within: .seconds(5)) { !entry.process.isStopped }
        #expect(await injector.look().first?.provesFault == false)
        await child.stopQuietly()
    }

    @Test func `a process that took over the number is never signalled`() async throws {
        let (stack, entry, child) = try await sleeper()
        var stranger = entry
        stranger.process = ProcessIdentity(
            pid: entry.process.pid, startTicks: entry.process.startTicks + 1)
        let injector = NativeInjector(
            stack: stack, entry: stranger, fault: ChaosFault(.kill, .payment))
        await #expect(throws: CommandFailure.self) { try await injector.strike() }
        #expect(entry.process.isRunning)
        await child.stopQuietly()
    }

    @Test func `without a stack, and for a process that does not run, it says what to do`() async throws {
        let tools = try FakeTools()
        let stack = Stack(
            try tools.settings(), terminal: .silent, interruption: Interruption())
        let error = await #expect(throws: CommandFailure.self) {
            try await NativeBackend(stack, Self.unusedAdmin).injector(for: ChaosFault(.kill, .order))
        }
        #expect(error?.message.contains("mercatoctl up") == true)
        let (running, _, child) = try await sleeper()
        let other = await #expect(throws: CommandFailure.self) {
            try await NativeBackend(running, Self.unusedAdmin).injector(for: ChaosFault(.kill, .order))
        }
        #expect(other?.message.contains("order is not running") == true)
        await child.stopQuietly()
    }

    // MARK: Compose

    /// Docker with one container whose state is the word in the file `state`.
    private func docker(_ tools: FakeTools) throws {
        let inspect = """
            [{"Id":"abc123def","Name":"/mercato-payment-1","State":{"Status":"%s","ExitCode":137,\
            "Health":{"Status":"healthy"}},"NetworkSettings":{"Networks":{%s}}}]
            """
        let network = #""mercato_default":{"Aliases":["mercato-payment-1","payment","abc123"]}"#
        try "running".write(toFile: tools.folder + "/state", atomically: false, encoding: .utf8)
        try network.write(toFile: tools.folder + "/networks", atomically: false, encoding: .utf8)
        try network.write(toFile: tools.folder + "/network", atomically: false, encoding: .utf8)
        try tools.program(
            "docker",
            """
            PATH=/usr/bin:/bin
            cd \(tools.folder)
            case "$1 $2" in
            "ps "*) echo abc123def ;;
            "inspect "*) printf '\(inspect)' "$(cat state)" "$(cat networks)" ;;
            "kill "* | "stop "*) echo exited >state ;;
            "pause "*) echo paused >state ;;
            "start "* | "unpause "*) echo running >state ;;
            "network disconnect") : >networks ;;
            "network connect") cp network networks ;;
            esac
            """)
    }

    private func compose(_ fault: ChaosFault) async throws -> (
        calls: [String], before: [Sighting], during: [Sighting], after: [Sighting]
    ) {
        let tools = try FakeTools()
        try docker(tools)
        let settings = try tools.settings()
        return try await TestLoop.run { loop in
            let injector = try await ComposeBackend(
                .docker(settings.environment), project: "mercato", admin: Self.unusedAdmin, loop: loop
            ).injector(for: fault)
            let before = await injector.look()
            _ = try await injector.strike()
            let during = await injector.look()
            _ = try await injector.mend()
            let after = await injector.look()
            // Done a second time it changes nothing.
            #expect(try await injector.mend() == "mercato-payment-1 runs")
            let calls = tools.calls.filter {
                !$0.hasPrefix("docker inspect") && !$0.hasPrefix("docker ps")
            }
            return (calls, before, during, after)
        }
    }

    @Test(arguments: [
        (ChaosFault.Action.kill, ["docker kill abc123def", "docker start abc123def"], "exited (137)"),
        (.pause, ["docker pause abc123def", "docker unpause abc123def"], "paused, healthy"),
        (.restart, ["docker stop --time 10 abc123def", "docker start abc123def"], "exited (137)"),
        (
            .disconnect,
            [
                "docker network disconnect mercato_default abc123def",
                "docker network connect --alias mercato-payment-1 --alias payment mercato_default abc123def",
            ], "running, healthy, in no network"
        ),
    ])
    func `docker does it, inspect proves it, docker takes it back`(
        action: ChaosFault.Action, calls: [String], state: String
    ) async throws {
        let seen = try await compose(ChaosFault(action, .payment))
        #expect(seen.calls == calls)
        #expect(seen.before.allSatisfy { !$0.provesFault })
        #expect(
            seen.during == [
                Sighting("docker inspect mercato-payment-1", state, provesFault: true)
            ])
        #expect(seen.after.allSatisfy { !$0.provesFault })
    }

    @Test func `a service without a container is named with its project`() async throws {
        let tools = try FakeTools()
        try tools.program("docker", "true")
        let settings = try tools.settings()
        let error = await #expect(throws: CommandFailure.self) {
            try await TestLoop.run { loop in
                _ = try await ComposeBackend(
                    .docker(settings.environment), project: "shop", admin: Self.unusedAdmin, loop: loop
                ).injector(for: ChaosFault(.kill, .broker))
            }
        }
        #expect(error?.message == "the Compose project \"shop\" has no container of kafka")
        #expect(tools.calls.first?.contains("label=com.docker.compose.service=kafka") == true)
    }

    // MARK: Kubernetes

    private static func cluster(_ settings: StackSettings, _ loop: EventLoop) -> ChaosCluster {
        ChaosCluster(
            namespace: "shop", release: "mercato", kubectl: .kubectl(settings.environment), loop: loop)
    }

    /// A cluster whose pods have new UIDs after a deletion, and are none while scaled to nothing.
    private func kubectl(_ tools: FakeTools) throws {
        let pod = """
            {"metadata":{"name":"mercato-order-%s","uid":"uid-%s"},"status":{"conditions":[\
            {"type":"Ready","status":"True"}]}}
            """
        let policy = """
            {"items":[{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":\
            {"name":"mercato-order","uid":"x","resourceVersion":"7","labels":{"a":"b"}},\
            "spec":{"podSelector":{}}}]}
            """
        try "1".write(toFile: tools.folder + "/generation", atomically: false, encoding: .utf8)
        try "yes".write(toFile: tools.folder + "/up", atomically: false, encoding: .utf8)
        try tools.program(
            "kubectl",
            """
            PATH=/usr/bin:/bin
            cd \(tools.folder)
            n=$(cat generation)
            case "$*" in
            *"get pods"*)
                if [ "$(cat up)" = yes ]; then printf '{"items":[\(pod)]}' "$n" "$n"
                else echo '{"items":[]}'; fi ;;
            *"get deployments"*) echo 'Deployment/mercato-order 2' ;;
            *"get networkpolicies"*) echo '\(policy)' ;;
            *"delete pod"*) echo 2 >generation ;;
            *"replicas=0"*) echo no >up ;;
            *"replicas=2"*) echo yes >up; echo 3 >generation ;;
            *"apply"*) cat >>applied; echo >>applied ;;
            esac
            """)
    }

    private func kubernetes(_ fault: ChaosFault) async throws -> (
        tools: FakeTools, calls: [String], during: [Sighting]
    ) {
        let tools = try FakeTools()
        try kubectl(tools)
        let settings = try tools.settings()
        let during = try await TestLoop.run { loop in
            let injector = try await KubernetesBackend(
                Self.cluster(settings, loop), admin: Self.unusedAdmin
            ).injector(for: fault)
            #expect(await injector.look().allSatisfy { !$0.provesFault })
            _ = try await injector.strike()
            let during = await injector.look()
            _ = try await injector.mend()
            return during
        }
        // A format may hold a line break, which makes two lines of one call.
        let all = tools.calls.filter { $0.hasPrefix("kubectl") }
        #expect(all.allSatisfy { $0.hasPrefix("kubectl --namespace shop ") })
        let calls = all.filter { !$0.contains(" get ") }
        return (tools, calls.map { String($0.dropFirst("kubectl --namespace shop ".count)) }, during)
    }

    @Test func `a deleted pod is proven by the UID of its successor`() async throws {
        let killed = try await kubernetes(ChaosFault(.kill, .order))
        #expect(killed.calls == ["delete pod --wait=false --grace-period=0 --force mercato-order-1"])
        #expect(
            killed.during == [
                Sighting("kubectl get pods, order", "1 of 1 ready, 1 with a new UID", provesFault: true)
            ])
        let restarted = try await kubernetes(ChaosFault(.restart, .order))
        #expect(restarted.calls == ["delete pod --wait=false mercato-order-1"])
    }

    @Test func `a workload scaled to zero has no pods, and gets its replicas back`() async throws {
        let seen = try await kubernetes(ChaosFault(.scaleToZero, .order))
        #expect(
            seen.calls == [
                "scale deployment/mercato-order --replicas=0",
                "scale deployment/mercato-order --replicas=2",
            ])
        #expect(seen.during.first?.state == "0 of 0 ready")
        #expect(seen.during.first?.provesFault == true)
    }

    @Test func `cutting off replaces the policies that allow, and puts them back as they were`()
        async throws
    {
        let seen = try await kubernetes(ChaosFault(.disconnect, .order))
        #expect(
            seen.calls == [
                "apply --filename -", "delete networkpolicy mercato-order", "apply --filename -",
                "delete networkpolicy mercato-chaos-order --ignore-not-found",
            ])
        let applied = (Folders.text(of: seen.tools.folder + "/applied") ?? "").split(separator: "\n")
        #expect(applied.count == 2)
        #expect(applied.first?.contains("\"app.kubernetes.io/component\":\"order\"") == true)
        let again = applied.last.map(String.init) ?? ""
        #expect(again.contains("\"labels\":{\"a\":\"b\"}"))
        #expect(!again.contains("resourceVersion") && !again.contains("uid"))
    }

    @Test func `a component without pods is named with its namespace`() async throws {
        let tools = try FakeTools()
        try tools.program("kubectl", #"echo '{"items":[]}'"#)
        let settings = try tools.settings()
        let error = await #expect(throws: CommandFailure.self) {
            try await TestLoop.run { loop in
                _ = try await KubernetesBackend(
                    Self.cluster(settings, loop), admin: Self.unusedAdmin
                ).injector(for: ChaosFault(.kill, .redis))
            }
        }
        #expect(error?.message.contains("no pod of redis in the namespace \"shop\"") == true)
    }

    // MARK: The gateway's view

    @Test func `the gateway's view proves that the target, or what it lives from, is away`() throws {
        let report = """
            {"services":[{"service":"gateway","status":"ready"},
             {"service":"payment","status":"unreachable","cause":"connect_failed"},
             {"service":"order","status":"not_ready","checks":{"postgres":{"status":"not_ready"}}},
             {"service":"cart","status":"degraded","checks":{"kafka":{"status":"degraded"}}}]}
            """
        let services = try AdminView.services(JSONObject(Array(report.utf8), what: "it"))
        func proofs(_ fault: ChaosFault) -> [String] {
            services.map { AdminView.sighting($0, fault) }.filter(\.provesFault).map(\.source)
        }
        #expect(proofs(ChaosFault(.kill, .payment)) == ["the gateway about payment"])
        #expect(proofs(ChaosFault(.kill, .postgresOrder)) == ["the gateway about order"])
        #expect(proofs(ChaosFault(.kill, .broker)) == ["the gateway about cart"])
        #expect(proofs(ChaosFault(.kill, .cart)) == [])
        #expect(proofs(ChaosFault(.provider, .paymentProvider, mode: .slow)) == [])
    }
}

extension Terminal {
    fileprivate static let silent = Terminal(write: { _ in }, writeError: { _ in })
}

extension ChildProcess {
    fileprivate func stopQuietly() async {
        // Ignored: ending a child throws nothing.
        try? await Blocking.run { self.killNow() }
    }
}
