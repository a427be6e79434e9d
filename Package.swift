// swift-tools-version: 6.2
// The manifest is the architecture in dependency order: docs/architecture.md holds the same import
// table, and Tests/Tidy compares every `import` with it. No package is fetched.
import PackageDescription

let language: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// For what every request passes: a release build does not check while it runs that no two accesses to a
/// property of a class overlap. Debug builds, which run every test, and fuzzing do check
/// (Shared/Sockets/README.md).
let unchecked: [SwiftSetting] =
    Context.environment["MERCATO_FUZZ"] != nil ? [] : [
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
    ]

/// Modules that wrap C are compiled with strict memory safety: each unsafe use is spelled out.
let wrapsC: [SwiftSetting] = language + [.strictMemorySafety()]

func names(_ list: [String]) -> [Target.Dependency] {
    list.enumerated().filter { list.firstIndex(of: $0.element) == $0.offset }
        .map { .init(stringLiteral: $0.element) }
}

func system(_ name: String, _ package: String, pkgConfig: String? = nil) -> Target {
    .systemLibrary(
        name: name, path: "Shared/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([package])])
}

func shared(
    _ name: String, _ dependencies: [String] = [], sql: Bool = false, c: Bool = false,
    hot: Bool = false
) -> Target {
    .target(
        name: name, dependencies: names(dependencies), path: "Shared/\(name)",
        exclude: ["README.md"], resources: sql ? [.embedInCode("Migrations")] : [],
        swiftSettings: (c ? wrapsC : language) + (hot ? unchecked : []))
}

/// A service is a library with its rules and a main of a few lines, so tests can import the rules.
func service(_ name: String, _ dependencies: [String], embeds: [String] = [], main: [String] = [])
    -> [Target]
{
    [
        .target(
            name: "\(name)Service", dependencies: names(dependencies), path: "Services/\(name)",
            exclude: ["Main", "README.md"], resources: embeds.map { .embedInCode($0) },
            swiftSettings: language),
        .executableTarget(
            name: "\(name)Main", dependencies: names(["\(name)Service", "ServiceKit"] + main),
            path: "Services/\(name)/Main", swiftSettings: language),
    ]
}

func tests(_ name: String, _ dependencies: [String], path: String? = nil) -> Target {
    .testTarget(
        name: name, dependencies: names(dependencies), path: path ?? "Tests/\(name)",
        swiftSettings: language)
}

let durable = [
    "DurableService", "Messaging", "Postgres", "Kafka", "Contracts", "ServiceKit", "HTTPServer", "HTTPClient", "HTTP",
    "Sockets", "Configuration", "Telemetry", "Crypto", "Resilience", "Basics",
]

var targets: [Target] = [
    .target(name: "CLinux", path: "Shared/C/CLinux"),
    system("CPostgres", "libpq-dev", pkgConfig: "libpq"),
    system("COpenSSL", "libssl-dev", pkgConfig: "openssl"),
    system("CKafka", "librdkafka-dev", pkgConfig: "rdkafka"),
    // hiredis' pkg-config carries a -D flag that SwiftPM refuses; the module map links it instead.
    system("CRedis", "libhiredis-dev"),
    system("CYAML", "libyaml-dev", pkgConfig: "yaml-0.1"),

    shared("Basics"),
    shared("Contracts", ["Basics"]),
    shared("Telemetry", ["Basics"]),
    shared("Resilience", ["Basics"]),
    shared("HTTP", ["Basics"], hot: true),
    shared("Configuration", ["CYAML", "Basics"], c: true),
    shared("Crypto", ["COpenSSL", "Basics"], c: true),
    shared("Sockets", ["CLinux", "Telemetry", "Basics"], c: true, hot: true),
    shared(
        "HTTPServer", ["HTTP", "Sockets", "Crypto", "Telemetry", "Basics"], hot: true),
    shared("HTTPClient", ["HTTP", "Sockets", "Crypto", "Resilience", "Telemetry", "Basics"]),
    shared("Postgres", ["CPostgres", "Sockets", "Resilience", "Telemetry", "Basics"], c: true),
    shared("Redis", ["CRedis", "Sockets", "Resilience", "Telemetry", "Basics"], c: true),
    shared("Kafka", ["CKafka", "Sockets", "Resilience", "Telemetry", "Basics"], c: true),
    shared(
        "Messaging",
        ["Postgres", "Kafka", "Contracts", "Crypto", "Resilience", "Telemetry", "Sockets", "Basics"],
        sql: true),
    shared(
        "Saga",
        ["Messaging", "Postgres", "Contracts", "Resilience", "Telemetry", "Sockets", "Basics"],
        sql: true),
    shared(
        "ServiceKit",
        [
            "HTTPServer", "HTTPClient", "HTTP", "Sockets", "Crypto", "Resilience",
            "Configuration", "Telemetry", "Basics",
        ]),
]

targets += [
    shared(
        "DurableService",
        [
            "ServiceKit", "Messaging", "Postgres", "Kafka", "Contracts", "HTTP", "Sockets",
            "Configuration", "Telemetry", "Basics",
        ])
]

targets += service(
    "Gateway",
    [
        "ServiceKit", "Redis", "HTTPServer", "HTTPClient", "HTTP", "Sockets", "Contracts",
        "Configuration", "Telemetry", "Resilience", "Crypto", "Basics",
    ], embeds: ["Web", "Documents"])
targets += service("Cart", durable + ["Redis"], embeds: ["Migrations"])
targets += service(
    "Order", durable + ["Saga"], embeds: ["Migrations"], main: ["Configuration"])
targets += service("Inventory", durable + ["Redis"], embeds: ["Migrations"])
targets += service("Payment", durable, embeds: ["Migrations"])
targets += service(
    "PaymentProvider",
    [
        "ServiceKit", "HTTPServer", "HTTP", "Sockets", "Configuration", "Telemetry", "Crypto",
        "Basics",
    ])

targets += [
    .target(
        name: "FixedPort", path: "Services/DevBroker/FixedPort",
        linkerSettings: [.linkedLibrary("dl")]),
    .executableTarget(
        name: "DevBrokerMain",
        dependencies: names([
            "FixedPort", "Kafka", "ServiceKit", "Sockets", "Contracts", "Configuration", "Telemetry",
            "Basics",
        ]), path: "Services/DevBroker", exclude: ["README.md", "FixedPort"],
        swiftSettings: language),
    // Starts PostgreSQL, Redis and brokers as child processes: the same code for `up` and for tests.
    .target(
        name: "NativeServers", dependencies: names(["Basics"]),
        path: "Services/Mercatoctl/Native", swiftSettings: language),
    .target(
        name: "Mercatoctl",
        dependencies: names([
            "NativeServers", "HTTPClient", "HTTP", "Sockets", "Contracts", "Configuration", "Telemetry", "Crypto",
            "Basics",
        ]), path: "Services/Mercatoctl", exclude: ["Main", "Native", "README.md"],
        swiftSettings: language),
    .executableTarget(
        name: "MercatoctlMain", dependencies: names(["Mercatoctl"]),
        path: "Services/Mercatoctl/Main", swiftSettings: language),
]

let support = ["Support", "NativeServers", "Telemetry", "Sockets"]
let everything = support + durable + ["Redis", "Saga"]

targets += [
    .target(
        name: "Support",
        dependencies: names([
            "Mercatoctl", "NativeServers", "Postgres", "Kafka", "Redis", "HTTPServer", "HTTPClient", "HTTP",
            "Sockets", "Configuration", "Telemetry", "Basics",
        ]),
        path: "Tests/Support", swiftSettings: language),
    tests("BasicsTests", ["Basics"]),
    tests("ContractsTests", ["Contracts", "Basics"]),
    tests("TelemetryTests", ["Telemetry", "NativeServers", "Basics"]),
    tests("ResilienceTests", ["Resilience", "Basics"]),
    tests("ConfigurationTests", ["Configuration", "Basics"]),
    // Certificates for tests, made when they run: a file of them would expire.
    .target(
        name: "TLSFixture", dependencies: names(["COpenSSL"]), path: "Tests/TLSFixture",
        swiftSettings: language),
    tests("CryptoTests", ["Crypto", "TLSFixture", "Basics"]),
    tests("SocketsTests", ["Sockets", "Telemetry", "Basics"]),
    // Readers of other projects' test cases, which are taken from a folder outside when there is one.
    .target(name: "HTTPCorpora", path: "Tests/Conformance/Corpora", swiftSettings: language),
    tests("HTTPTests", ["HTTPCorpora", "HTTP", "Basics"]),
    tests(
        "HTTPServerTests",
        [
            "HTTPServer", "HTTPClient", "HTTP", "Sockets", "Crypto", "TLSFixture", "Telemetry",
            "Basics",
        ]),
    tests("PostgresTests", everything),
    tests("RedisTests", everything),
    tests("KafkaTests", everything + ["DevBrokerMain"]),
    tests("MessagingTests", everything),
    tests("SagaTests", everything),
    tests("ServiceKitTests", everything + ["TLSFixture"]),
    tests("GatewayTests", everything + ["GatewayService", "TLSFixture"]),
    tests("CartTests", everything + ["CartService"]),
    tests("OrderTests", everything + ["OrderService"]),
    tests("InventoryTests", everything + ["InventoryService"]),
    tests("PaymentTests", everything + ["PaymentService", "PaymentProviderService"]),
    tests("MercatoctlTests", everything + ["Mercatoctl"]),
    tests(
        "Integration",
        everything + [
            "Mercatoctl", "MercatoctlMain", "GatewayMain", "CartMain", "OrderMain", "InventoryMain",
            "PaymentMain", "PaymentProviderMain", "DevBrokerMain", "TLSFixture",
        ]),
    // The production server for suites and load generators of others; no part of what is installed.
    .executableTarget(
        name: "ProbeTarget",
        dependencies: names([
            "ServiceKit", "HTTPServer", "HTTPClient", "HTTP", "Sockets", "Crypto", "Configuration",
            "Telemetry", "Basics",
        ]), path: "Tests/Conformance/ProbeTarget", swiftSettings: language),
    .testTarget(
        name: "Conformance",
        dependencies: names([
            "ProbeTarget", "HTTPCorpora", "TLSFixture", "Crypto", "HTTPServer", "HTTPClient", "HTTP", "Sockets", "Telemetry",
            "Basics",
        ]), path: "Tests/Conformance",
        exclude: ["ProbeTarget", "Corpora", "README.md", "disagreements.md"], swiftSettings: language),
    // Compose and Kubernetes: run by `make test-compose` and `make test-k8s`, skipped otherwise.
    tests("EndToEnd", support + ["Mercatoctl", "Basics"]),
    // What has to hold for any bytes given to the parsers; the test replays the seeds (docs/fuzzing.md).
    .target(
        name: "FuzzProperties", dependencies: names(["HTTPCorpora", "HTTP"]), path: "Tests/Fuzz/Properties",
        swiftSettings: language),
    tests("FuzzTests", ["FuzzProperties", "HTTPCorpora"], path: "Tests/Fuzz/Replay"),
    tests("Tidy", []),
]

/// `make fuzz` only: libFuzzer's runtime brings the program's `main`, so no normal build can hold it.
if Context.environment["MERCATO_FUZZ"] != nil {
    targets.append(
        .executableTarget(
            name: "FuzzMain", dependencies: names(["FuzzProperties"]), path: "Tests/Fuzz/Main",
            swiftSettings: language))
}

/// A fast inner loop for one module: `MERCATO_ONLY=HTTPTests swift test` builds those targets and
/// what they need, and nothing else.
if let only = Context.environment["MERCATO_ONLY"] {
    var wanted = Set(only.split(separator: ",").map(String.init))
    var grew = true
    while grew {
        grew = false
        for target in targets where wanted.contains(target.name) {
            for dependency in target.dependencies {
                if case .byNameItem(let name, _) = dependency, wanted.insert(name).inserted {
                    grew = true
                }
            }
        }
    }
    targets.removeAll { !wanted.contains($0.name) }
}

let programs = [
    "gateway": "GatewayMain", "cart": "CartMain", "order": "OrderMain",
    "inventory": "InventoryMain", "payment": "PaymentMain",
    "payment-provider": "PaymentProviderMain", "devbroker": "DevBrokerMain",
    "mercatoctl": "MercatoctlMain",
]

let package = Package(
    name: "mercato",
    products: programs.sorted { $0.key < $1.key }
        .filter { program in targets.contains { $0.name == program.value } }
        .map { .executable(name: $0.key, targets: [$0.value]) },
    targets: targets
)
