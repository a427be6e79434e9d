package import NativeServers

/// One process of the stack: what must be done before and after it runs. Both closures block.
package struct StartStep: Sendable {
    package let launch: Launch
    /// Ports that it opens besides its main one, with their keys.
    package var otherPorts: [(key: String, port: Int)] = []
    package var readyWithin: Duration = .seconds(60)
    /// initdb, formatting a log folder.
    package var prepare: @Sendable (Interruption) throws -> Void = { _ in }
    /// Roles and databases.
    package var finish: @Sendable (Interruption) throws -> Void = { _ in }

    package init(_ launch: Launch) { self.launch = launch }

    /// Every port it needs.
    package var ports: [(key: String, port: Int)] {
        [(launch.portKey, launch.port)] + otherPorts
    }
}

/// Steps that may run side by side, and a name for the progress line.
package struct StartGroup: Sendable {
    package let title: String
    package var steps: [StartStep]
    /// Run when all of them are ready (topics). Blocks.
    package var finish: @Sendable (Interruption) throws -> Void = { _ in }

    package init(title: String, steps: [StartStep]) {
        self.title = title
        self.steps = steps
    }
}
