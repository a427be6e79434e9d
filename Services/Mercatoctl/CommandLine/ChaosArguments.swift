/// What `mercatoctl chaos` is asked for.
package struct ChaosRequest: Sendable, Equatable {
    /// Names or files; none: all of them.
    package var scenarios: [String] = []
    package var list = false
    package var seed: UInt64?
    /// Another folder of scenarios.
    package var from: String?
    /// Where reports go; nil: `chaos` in the state folder.
    package var report: String?

    package init() {}
}

extension ChaosRequest {
    /// Reads the words behind `chaos`.
    init(options rest: inout Options) throws(UsageError) {
        self.init()
        list = rest.flag("list")
        from = try rest.value("scenarios")
        report = try rest.value("report")
        if let text = try rest.value("seed") {
            guard let seed = UInt64(text) else {
                throw UsageError(
                    message: "--seed is a whole number from 0 on, not \"\(text)\"",
                    hint: "try: mercatoctl help")
            }
            self.seed = seed
        }
        while let scenario = rest.next() { scenarios.append(scenario) }
    }
}
