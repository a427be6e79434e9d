package import Crypto
package import HTTP

/// What a service is made of: returned by its `compose` function, run by `ServiceProgram`.
package struct Composition: Sendable {
    /// The routes of the API listener. It answers 503 `starting` until `prepare` has returned.
    package var api: Router
    /// Extra routes of the operations listener, for example `/internal/audit`; `/livez`, `/readyz`
    /// and `/metrics` are added to them.
    package var operations: Router
    /// Nil for a program without an API; 0 for any free port.
    package var apiPort: Int?
    /// The API listener speaks TLS; nil for plain HTTP. SIGHUP reads its files again.
    package var apiTLS: ServerTLS?
    /// 0 for any free port.
    package var operationsPort: Int
    /// The variables that set the ports, for the message about a taken one.
    package var apiPortKey: String?
    /// As `apiPortKey`.
    package var operationsPortKey: String?
    /// Waits for what the service needs and migrates its tables. Tried again with backoff after an
    /// error, unless the error is `ExitCoded`.
    package var prepare: @Sendable () async throws -> Void
    /// Parts that `prepare` itself uses, such as a connection pool: started first, ended last.
    package var foundations: [any LongRunning]
    /// Consumers, relays, timers: started after `prepare`, ended after the API.
    package var services: [any LongRunning]

    package init(
        api: Router = Router(), operations: Router = Router(), apiPort: Int? = nil,
        apiTLS: ServerTLS? = nil, operationsPort: Int, apiPortKey: String? = nil, operationsPortKey: String? = nil,
        foundations: [any LongRunning] = [], services: [any LongRunning] = [],
        prepare: @escaping @Sendable () async throws -> Void = {}
    ) {
        self.api = api
        self.operations = operations
        self.apiPort = apiPort
        self.apiTLS = apiTLS
        self.operationsPort = operationsPort
        self.apiPortKey = apiPortKey
        self.operationsPortKey = operationsPortKey
        self.foundations = foundations
        self.services = services
        self.prepare = prepare
    }
}
