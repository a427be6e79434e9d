import Basics
import Foundation
package import NativeServers
package import Sockets

/// Finds the running Mercato that a command is meant for.
///
/// Explicit addresses win. Else `--on` or `MERCATO_ON`; else native when its stack runs, Compose when
/// containers of its project run, and native again.
package struct Places: Sendable {
    private let given: PlaceOptions
    private let settings: StackSettings
    private let loop: EventLoop
    private let docker: ExternalTool
    private let kubectl: ExternalTool

    package init(
        _ options: PlaceOptions, settings: StackSettings, loop: EventLoop,
        interruption: Interruption = Interruption()
    ) throws(CommandFailure) {
        given = try options.completed(by: settings.environment)
        self.settings = settings
        self.loop = loop
        docker = .docker(settings.environment, interruption)
        kubectl = .kubectl(settings.environment, interruption)
    }

    /// What was said about the place, flags and environment together.
    package var options: PlaceOptions { given }

    /// Opens the place, runs `body` with it, and closes it again; port forwards end whatever happens.
    ///
    /// - Throws: `CommandFailure` when there is no such place, and what `body` throws; to an
    ///   unreachable address it adds what to do about it.
    package func with<T>(
        _ needs: PlaceNeeds = [.gateway, .admin], _ body: (Place) async throws -> T
    ) async throws -> T {
        let kind = try await kind(for: needs)
        do {
            guard kind == .kubernetes else { return try await body(try await place(kind, needs)) }
            return try await withForwards(needs, body)
        } catch var failure as CommandFailure where failure.isUnreachable {
            failure.details.append(kind.advice)
            throw failure
        }
    }

    /// The kind of place; looked for only when it matters.
    package func kind(for needs: PlaceNeeds = [.gateway, .admin]) async throws(CommandFailure)
        -> PlaceKind
    {
        if let on = given.on { return on }
        let missing = (needs.contains(.gateway) && given.gateway == nil)
            || (needs.contains(.admin) && given.admin == nil)
            || (needs == .jaeger && given.jaeger == nil)
        guard missing, try StackFile.load(settings.stackFile)?.running.isEmpty ?? true,
            docker.path != nil
        else { return .native }
        do {
            return try await ComposePlace.find(docker, settings.environment).isRunning
                ? .compose : .native
        } catch {
            // An engine that does not answer runs nothing; who meant it says --on compose.
            return .native
        }
    }

    private func place(_ kind: PlaceKind, _ needs: PlaceNeeds) async throws(CommandFailure) -> Place {
        var found = Found()
        let complete = given.gateway != nil && given.admin != nil
            && (given.jaeger != nil || !needs.contains(.jaeger))
        if kind == .compose, !complete {
            let compose = try await ComposePlace.find(docker, settings.environment)
            guard compose.isRunning else { throw compose.notRunning }
            found.gateway = compose.url("gateway", port: 8080, key: "MERCATO_PORT_GATEWAY")
            found.admin = compose.url("gateway", port: 8081, key: "MERCATO_PORT_ADMIN")
            found.jaeger = compose.url("jaeger", port: 16_686, key: "MERCATO_PORT_JAEGER")
            found.tokenFile = compose.tokenFile
        } else if kind == .native {
            // The running stack's addresses win: it may have been started with other ports than ours.
            let file = try StackFile.load(settings.stackFile)
            found.gateway = file?.publicURL ?? settings.publicURL
            found.admin = file?.adminURL ?? settings.adminURL
            // With addresses of elsewhere, this machine's Jaeger is not theirs.
            if given.gateway == nil || given.on != nil { found.jaeger = file?.jaegerURL }
        }
        return Place(
            kind: kind, gatewayURL: given.gateway ?? found.gateway ?? settings.publicURL,
            adminURL: given.admin ?? found.admin ?? settings.adminURL,
            jaegerURL: given.jaeger ?? found.jaeger, adminToken: try token(found.tokenFile))
    }

    private struct Found {
        var gateway: String?
        var admin: String?
        var jaeger: String?
        var tokenFile: String?
    }

    private func token(_ fallback: String? = nil) throws(CommandFailure) -> Secret<String>? {
        let key = "MERCATO_ADMIN_TOKEN_FILE"
        let named = settings.environment[key].flatMap { $0.isEmpty ? nil : $0 }
        guard let path = named ?? fallback else { return nil }
        guard let text = Folders.text(of: path) else {
            throw CommandFailure(
                .usage, named == nil ? "the admin port's token \(path) cannot be read"
                    : "\(key): cannot read \(path)")
        }
        return Secret(text.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}

extension Places {
    private func withForwards<T>(_ needs: PlaceNeeds, _ body: (Place) async throws -> T)
        async throws -> T
    {
        let cluster = KubernetesPlace(settings.environment, kubectl)
        var forwards: [PortForward] = []
        do {
            let place = try await place(in: cluster, needs, &forwards)
            let value = try await serve(place, forwards, body)
            for forward in forwards { await forward.close() }
            return value
        } catch {
            for forward in forwards { await forward.close() }
            throw error
        }
    }

    /// Forwards are appended as they open, so that a failure half way ends those before it.
    private func place(
        in cluster: KubernetesPlace, _ needs: PlaceNeeds, _ forwards: inout [PortForward]
    ) async throws -> Place {
        let services = try await cluster.services()
        func open(
            _ need: PlaceNeeds, _ given: String?, _ part: String, _ port: Int, _ name: String
        ) async throws -> String? {
            guard given == nil, needs.contains(need) else { return given }
            guard let target = services.target(part, port, named: name) else {
                guard need == .jaeger else {
                    throw CommandFailure(
                        .failed, "the release \"\(cluster.release)\" has no service like "
                            + "\"\(part)\" with port \(port)",
                        details: ["kubectl --namespace \(cluster.namespace) get services"])
                }
                return nil
            }
            let forward = try await cluster.forward(target)
            forwards.append(forward)
            return forward.url
        }
        let gateway = try await open(.gateway, given.gateway, "gateway", 8080, "api")
        let admin = try await open(.admin, given.admin, "gateway", 8081, "ops")
        let jaeger = try await open(.jaeger, given.jaeger, "jaeger", 16_686, "query")
        let named = try token()
        let secret = named == nil && needs.contains(.admin) ? try await cluster.token() : named
        // What was not asked for is not forwarded; an address that refuses says so by its name.
        let nowhere = "http://not-forwarded.invalid"
        return Place(
            kind: .kubernetes, gatewayURL: gateway ?? nowhere, adminURL: admin ?? nowhere,
            jaegerURL: jaeger, adminToken: secret)
    }

    /// `body` beside the watch over the forwards, which ends with it.
    private func serve<T>(
        _ place: Place, _ forwards: [PortForward], _ body: (Place) async throws -> T
    ) async throws -> T {
        let loop = loop
        async let _: Void = withTaskGroup { group in
            for forward in forwards { group.addTask { await forward.keepAlive(loop) } }
        }
        return try await body(place)
    }
}
