import Basics
import Foundation
import Glibc
import NativeServers
import Sockets
import Support
import Testing

@testable import Mercatoctl

@Suite struct PlacesTests {
    private struct Seen: Sendable {
        let place: Place
        let forwards: [pid_t]
    }

    private func open(
        _ tools: FakeTools, _ options: PlaceOptions = PlaceOptions(), _ environment: [String: String] = [:],
        needs: PlaceNeeds = [.gateway, .admin, .jaeger]
    ) async throws -> Seen {
        let settings = try tools.settings(environment)
        return try await TestLoop.run { loop in
            try await Places(options, settings: settings, loop: loop).with(needs) {
                Seen(place: $0, forwards: tools.forwards)
            }
        }
    }

    private func failure(
        _ tools: FakeTools, _ options: PlaceOptions, _ environment: [String: String] = [:]
    ) async -> CommandFailure? {
        await #expect(throws: CommandFailure.self) { _ = try await open(tools, options, environment) }
    }

    @Test func `explicit addresses need neither docker nor kubectl nor a stack`() async throws {
        let tools = try FakeTools()
        let token = tools.folder + "/token"
        try "abc\n".write(toFile: token, atomically: false, encoding: .utf8)
        let environment = [
            "MERCATO_GATEWAY_URL": "http://gateway:8080/", "MERCATO_ADMIN_URL": "http://gateway:8081",
            "MERCATO_ADMIN_TOKEN_FILE": token,
        ]
        let place = try await open(tools, PlaceOptions(admin: "http://other:1"), environment).place
        #expect(place.gatewayURL == "http://gateway:8080")
        #expect(place.adminURL == "http://other:1")
        #expect(place.jaegerURL == nil)
        #expect(place.adminToken?.reveal() == "abc")
    }

    @Test func `without any sign of Compose the place is native, with the ports of the environment`()
        async throws
    {
        let place = try await open(try FakeTools(), PlaceOptions(), ["MERCATO_PORT_ADMIN": "9"]).place
        #expect(place.kind == .native)
        #expect(place.gatewayURL == "http://127.0.0.1:8080")
        #expect(place.adminURL == "http://127.0.0.1:9")
    }

    @Test func `a running Compose project is found with its published ports and its token`()
        async throws
    {
        let tools = try FakeTools()
        try tools.docker()
        try Folders.make(tools.folder + "/deploy/docker/secrets")
        try "tok\n".write(
            toFile: tools.folder + "/deploy/docker/secrets/admin_token", atomically: false, encoding: .utf8)
        let place = try await open(tools).place
        #expect(place.kind == .compose)
        #expect(place.gatewayURL == "http://127.0.0.1:18080")
        #expect(place.adminURL == "http://127.0.0.1:18081")
        #expect(place.jaegerURL == "http://127.0.0.1:26686")
        #expect(place.adminToken?.reveal() == "tok")
        let other = try await open(tools, PlaceOptions(), ["MERCATO_ON": "native"]).place
        #expect(other.kind == .native)
    }

    @Test func `a gateway that is stopped has the port of the project's settings`() async throws {
        let tools = try FakeTools()
        try tools.program("docker", "printf 'order\\t\(tools.folder)\\t8102/tcp\\n'")
        try "# ports\nMERCATO_PORT_GATEWAY=\"28080\"\n".write(
            toFile: tools.folder + "/.env", atomically: false, encoding: .utf8)
        let place = try await open(tools, PlaceOptions(on: .compose)).place
        #expect(place.gatewayURL == "http://127.0.0.1:28080")
        #expect(place.adminURL == "http://127.0.0.1:8081")
        #expect(place.jaegerURL == nil)
    }

    @Test func `Compose without docker, without an engine, without a project says which and what to do`()
        async throws
    {
        let tools = try FakeTools()
        let options = PlaceOptions(on: .compose)
        let missing = await failure(tools, options)
        #expect(missing?.code == .missing)
        #expect(missing?.message == "docker is not on PATH")
        try tools.program("docker", "echo 'Cannot connect to the Docker daemon' >&2; exit 1")
        let engine = await failure(tools, options)
        #expect(engine?.details == ["Cannot connect to the Docker daemon"])
        // Who did not ask for Compose is not bothered with that.
        #expect(try await open(tools).place.kind == .native)
        try tools.program("docker", "true")
        let project = await failure(tools, options, ["COMPOSE_PROJECT_NAME": "shop"])
        #expect(project?.message == "no container of the Compose project \"shop\" runs")
        #expect(project?.details.first?.contains("make up") == true)
    }

    @Test func `a release is reached by forwards that end with the command`() async throws {
        let tools = try FakeTools()
        try tools.kubectl()
        let seen = try await open(tools, PlaceOptions(on: .kubernetes), ["MERCATO_NAMESPACE": "shop"])
        #expect(seen.place.kind == .kubernetes)
        #expect(seen.place.adminToken?.reveal() == "s3cret")
        #expect(Set([seen.place.gatewayURL, seen.place.adminURL, seen.place.jaegerURL ?? ""]).count == 3)
        #expect(seen.forwards.count == 3)
        for pid in seen.forwards { #expect(kill(pid, 0) != 0, "\(pid) still runs") }
        let forwards = tools.calls.filter { $0.contains("port-forward") }
        #expect(forwards.contains { $0.contains("service/mercato-gateway") && $0.contains(":80 ") })
        #expect(forwards.contains { $0.contains("service/mercato-gateway-admin") && $0.contains(":8081 ") })
        #expect(forwards.allSatisfy { $0.contains("--namespace shop") })
    }

    @Test func `only what is needed and not given is forwarded`() async throws {
        let tools = try FakeTools()
        try tools.kubectl(token: nil)
        let options = PlaceOptions(on: .kubernetes, gateway: "http://node:30080")
        let seen = try await open(tools, options, needs: [.gateway, .admin])
        #expect(seen.forwards.count == 1)
        #expect(seen.place.gatewayURL == "http://node:30080")
        #expect(seen.place.adminToken == nil)
    }

    @Test func `forwards end when the command fails, and come back when a pod goes away`() async throws {
        let tools = try FakeTools()
        try tools.kubectl()
        let settings = try tools.settings()
        await #expect(throws: CommandFailure.self) {
            try await TestLoop.run { loop in
                try await Places(PlaceOptions(on: .kubernetes), settings: settings, loop: loop)
                    .with(.admin) { place in
                        kill(try #require(tools.forwards.first), SIGKILL)
                        let port = try #require(Int(place.adminURL.split(separator: ":").last ?? ""))
                        try await eventually("the forward is back", within: .seconds(10)) {
                            tools.forwards.count >= 2 && SocketProbe.connects(port: port)
                        }
                        throw CommandFailure(.failed, "the body's own")
                    }
            }
        }
        for pid in tools.forwards { #expect(kill(pid, 0) != 0, "\(pid) still runs") }
    }

    @Test(arguments: [
        ("mercato", "mercato-admin"), ("shop", "shop-mercato-admin"),
        ("my-mercato", "my-mercato-admin"),
    ])
    func `the admin token's secret is named as the chart names it`(release: String, secret: String) {
        let place = KubernetesPlace(
            ["MERCATO_RELEASE": release], .kubectl([:]))
        #expect(place.adminSecret == secret)
    }

    @Test func `Kubernetes without kubectl, without a release, without a ready pod says so`()
        async throws
    {
        let tools = try FakeTools()
        let options = PlaceOptions(on: .kubernetes)
        let missing = await failure(tools, options)
        #expect(missing?.code == .missing && missing?.message == "kubectl is not on PATH")
        try tools.program("kubectl", "echo '{\"items\":[]}'")
        let release = await failure(tools, options)
        #expect(release?.message == "there is no release \"mercato\" in the namespace \"mercato\"")
        #expect(release?.details.first?.contains("make k8s-install") == true)
        try tools.kubectl()
        let text = try #require(Folders.text(of: tools.folder + "/bin/kubectl"))
        try tools.program(
            "kubectl", text.replacingOccurrences(of: "exec /usr/bin/python3", with: "echo 'error: no pod' >&2; exit 1 #"))
        let pod = await failure(tools, options)
        #expect(pod?.details == ["error: no pod"])
    }

    @Test(arguments: [
        (PlaceKind.native, "mercatoctl up"), (.compose, "make up"), (.kubernetes, "kubectl get pods"),
    ])
    func `an address where nobody answers is named, with what to do there`(
        kind: PlaceKind, advice: String
    ) async throws {
        let tools = try FakeTools()
        try tools.docker()
        try tools.kubectl()
        let url = "http://127.0.0.1:\(try FreePort.any())"
        let settings = try tools.settings()
        let failure = await #expect(throws: CommandFailure.self) {
            try await TestLoop.run { loop in
                let output = Output()
                _ = try await Commands(
                    stack: Stack(settings, terminal: output.terminal, interruption: Interruption()),
                    calls: ClientCalls(loop: loop), loop: loop,
                    place: PlaceOptions(on: kind, gateway: url, admin: url)
                ).run(.check(waitSeconds: 0))
            }
        }
        #expect(failure?.message.contains("nobody answers at \(url)/admin/") == true)
        #expect(failure?.details.contains { $0.contains(advice) } == true)
    }

    @Test(arguments: [
        (["MERCATO_ON": "docker"], "MERCATO_ON is native, compose or kubernetes, not \"docker\""),
        (
            ["MERCATO_GATEWAY_URL": "localhost:8080"],
            "MERCATO_GATEWAY_URL is an address like http://127.0.0.1:8081, not \"localhost:8080\""
        ),
        (["MERCATO_ADMIN_TOKEN_FILE": "/no/such"], "MERCATO_ADMIN_TOKEN_FILE: cannot read /no/such"),
    ])
    func `a setting that cannot be understood is named`(
        environment: [String: String], message: String
    ) async throws {
        let failure = await failure(try FakeTools(), PlaceOptions(), environment)
        #expect(failure?.code == .usage)
        #expect(failure?.message == message)
    }
}
