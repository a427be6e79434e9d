import Testing

@testable import Mercatoctl

@Suite struct StackSettingsTests {
    @Test func `the state folder is the one given, root's own, or the user's state folder`() {
        #expect(StackSettings.home(["MERCATO_HOME": "/a/b"], isRoot: true) == "/a/b")
        #expect(StackSettings.home([:], isRoot: true) == "/var/lib/mercato")
        #expect(
            StackSettings.home(["XDG_STATE_HOME": "/s", "HOME": "/h"], isRoot: false)
                == "/s/mercato")
        #expect(
            StackSettings.home(["HOME": "/h"], isRoot: false) == "/h/.local/state/mercato")
    }

    @Test func `a given broker wins, then an Apache Kafka, then DevBroker`() throws {
        let kafka = ["KAFKA_HOME": "/k"]
        let given = kafka.merging(["KAFKA_BOOTSTRAP_SERVERS": "h:9092"]) { $1 }
        #expect(try StackSettings.broker([:]) == .dev)
        #expect(try StackSettings.broker(kafka) == .kafka(home: "/k"))
        #expect(try StackSettings.broker(given) == .external("h:9092"))
    }

    @Test func `MERCATO_BROKER forces one`() throws {
        let given = ["KAFKA_HOME": "/k", "KAFKA_BOOTSTRAP_SERVERS": "h:9092"]
        #expect(try StackSettings.broker(given.merging(["MERCATO_BROKER": "dev"]) { $1 }) == .dev)
        #expect(
            try StackSettings.broker(["MERCATO_BROKER": "kafka", "KAFKA_HOME": "/k"])
                == .kafka(home: "/k"))
        let missing = #expect(throws: CommandFailure.self) {
            try StackSettings.broker(["MERCATO_BROKER": "kafka"])
        }
        #expect(missing?.code == .missing)
        let unknown = #expect(throws: CommandFailure.self) {
            try StackSettings.broker(["MERCATO_BROKER": "rabbit"])
        }
        #expect(unknown?.code == .usage)
    }

    @Test func `ports have the documented defaults and can be changed one by one`() throws {
        let ports = try StackPorts(["MERCATO_PORT_ORDER": "9102"])
        #expect(ports.gateway == 8080)
        #expect(ports.admin == 8081)
        #expect(ports.api(.order) == 9102)
        #expect(ports.operations(.order) == 8202)
        #expect(ports.operations(.provider) == 8205)
        #expect(ports.postgres(.cart) == 15431)
        #expect(ports.postgres(.payment) == 15434)
        #expect(ports.redis == 63790)
        #expect(ports.broker == 19092)
        #expect(ports.environment["MERCATO_PORT_ORDER"] == "9102")
    }

    @Test(arguments: ["0", "65536", "http", "-1"])
    func `a port that is none is refused by name`(text: String) {
        let error = #expect(throws: CommandFailure.self) {
            try StackPorts(["MERCATO_PORT_CART": text])
        }
        #expect(error?.code == .usage)
        #expect(error?.message.contains("MERCATO_PORT_CART") == true)
    }

    @Test func `two servers cannot share a port`() {
        let error = #expect(throws: CommandFailure.self) {
            try StackPorts(["MERCATO_PORT_CART": "8080"])
        }
        #expect(error?.message.contains("MERCATO_PORT_GATEWAY") == true)
    }
}
