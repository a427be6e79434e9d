import Foundation

/// Whether the tests of a way of running were asked for: `make test-compose` and `make test-k8s`
/// say so in the environment, because they take minutes and a Docker engine or a cluster.
enum Gate {
    /// The value of `MERCATO_TEST_COMPOSE` or `MERCATO_TEST_K8S` is `1`.
    static func isOpen(_ key: String) -> Bool {
        ProcessInfo.processInfo.environment[key] == "1"
    }
}
