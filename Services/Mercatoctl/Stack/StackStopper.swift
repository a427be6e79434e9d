import NativeServers

/// Ends processes of the stack in the reverse of their start order; only those that still are what
/// the stack file says (pid and start time).
package enum StackStopper {
    /// Those of one rank may end side by side: nothing of a lower rank needs them.
    static func rank(_ entry: StackFile.Entry) -> Int {
        switch (entry.launch.kind, entry.name) {
        case (.service, "gateway"): 0
        case (.service, "payment-provider"): 2
        case (.service, _): 1
        case (.kafka, _), (.devbroker, _), (.redis, _), (.jaeger, _): 3
        case (.postgres, _): 4
        }
    }

    /// - Returns: the names of processes that did not end, which only happens to a process that the
    ///   kernel cannot kill.
    @discardableResult
    package static func stop(_ entries: [StackFile.Entry], progress: Progress?) async -> [String] {
        var stubborn: [String] = []
        for rank in 0...4 {
            let together = entries.filter { Self.rank($0) == rank }
            guard !together.isEmpty else { continue }
            let survivors = await withTaskGroup(of: String?.self) { tasks in
                for entry in together {
                    tasks.addTask { await stop(entry) ? nil : entry.name }
                }
                return await tasks.reduce(into: [String]()) { if let name = $1 { $0.append(name) } }
            }
            stubborn += survivors
            progress?.line("ended: \(together.map(\.name).joined(separator: ", "))")
        }
        return stubborn
    }

    package static func stop(_ entry: StackFile.Entry) async -> Bool {
        let (process, launch) = (entry.process, entry.launch)
        let ended = try? await Blocking.run {  // Ignored: the closure does not throw.
            process.stop(signal: launch.stopSignal, within: .seconds(launch.stopSeconds))
        }
        return ended ?? false
    }
}
