import Basics
import Configuration
import Foundation
import NativeServers
import Support
import Testing

@testable import Mercatoctl

@Suite struct ChaosScenarioTests {
    private static let good = """
        name: kill-payment
        description: the payment service is killed
        hypothesis: nobody is charged twice
        fault:
          what: kill
          target: payment
          at: 5s
          for: 10s
        load:
          rate: 5
          duration: 20s
        limits:
          quiescence: 60s
        where: [native, compose]
        """

    @Test func `a file is read, and what it leaves out has the defaults of the rules`() throws {
        let scenario = try ScenarioReader.read(Self.good, name: "a.yaml")
        #expect(scenario.fault == ChaosFault(.kill, .payment))
        #expect(scenario.fault.ends == .seconds(15))
        #expect(scenario.orders == 100)
        #expect(scenario.load == ChaosScenario.Load())
        #expect(scenario.limits == ChaosScenario.Limits())
        #expect(scenario.limits.ordersInFault == 20 && scenario.limits.confirmedPercent == 80)
        #expect(scenario.places == [.native, .compose])
    }

    @Test func `the provider's modes and a mix of orders are read`() throws {
        let text = Self.good.replacing("what: kill", with: "what: provider\n  mode: slow\n  delay: 3s")
            .replacing("target: payment", with: "target: payment-provider")
            .replacing("rate: 5", with: "rate: 2\n  patience: 4s\n  mix: {good: 3, no_stock: 1}")
        let scenario = try ScenarioReader.read(text, name: "a.yaml")
        #expect(scenario.fault.mode == .slow && scenario.fault.delay == .seconds(3))
        #expect(scenario.fault.title == "payment-provider slow (3.0 s)")
        #expect(scenario.load.mix == OrderMix(good: 3, declined: 0, noStock: 1))
        #expect(scenario.load.patience == .seconds(4))
        #expect(scenario.orders == 40)
    }

    /// A change of the good file, the line that must be named, and words of the message.
    private static let mistakes: [(String, String, Int, [String])] = [
        ("target: payment", "target: paymint", 6, ["\"paymint\"", "payment-provider", "postgres-order"]),
        ("what: kill", "what: explode", 5, ["\"explode\"", "kill, pause, restart, wipe"]),
        ("  for: 10s", "  fro: 10s", 8, ["fault.fro", "for"]),
        ("where:", "were:", 14, ["were", "where"]),
        ("at: 5s", "at: 5", 7, ["\"5\"", "such as 250ms, 5s or 2m"]),
        ("rate: 5", "rate: 500", 10, ["\"500\"", "0.1 to 50"]),
        ("[native, compose]", "[native, docker]", 14, ["\"docker\"", "native, compose, kubernetes"]),
        ("[native, compose]", "[]", 14, ["is empty", "kubernetes"]),
        ("name: kill-payment", "name: Kill/Payment", 1, ["a to z"]),
        ("name: kill-payment", "nome: kill-payment", 1, ["nome", "name"]),
        ("for: 10s", "for: 20s", 4, ["ends at 25.0 s", "20.0 s"]),
        ("what: kill", "what: wipe", 5, ["needs the target broker"]),
        ("what: kill", "what: provider", 5, ["needs the target payment-provider"]),
        ("what: kill", "what: kill\n  mode: slow", 6, ["mode", "not a known key"]),
        ("quiescence: 60s", "quiescence: 0s", 13, ["quiescence", "from 1s to 10m"]),
        ("rate: 5", "rate: 50\n  mix: {good: 0}", 11, ["good", "1 to 100"]),
    ]

    @Test(arguments: mistakes.indices)
    func `a mistake is refused with file, line and what is allowed`(index: Int) throws {
        let (old, new, line, words) = Self.mistakes[index]
        var text = Self.good.replacing(old, with: new)
        if new == "what: provider" {
            text = text.replacing("  at: 5s", with: "  mode: slow\n  at: 5s")
        }
        let error = #expect(throws: YAMLError.self) {
            try ScenarioReader.read(text, name: "kill.yaml")
        }
        let message = error?.description ?? ""
        #expect(message.hasPrefix("kill.yaml:\(line): "), "\(message)")
        for word in words { #expect(message.contains(word), "\(message) lacks \(word)") }
    }

    @Test func `too many orders are refused`() throws {
        let text = Self.good.replacing("rate: 5", with: "rate: 50")
            .replacing("duration: 20s", with: "duration: 100s")
        let error = #expect(throws: YAMLError.self) { try ScenarioReader.read(text, name: "a.yaml") }
        #expect(error?.description.contains("has 5000 orders; allowed are 2000") == true)
    }

    @Test func `a folder names every file with a mistake, and an unknown scenario the known ones`()
        throws
    {
        let path = try ScratchFolder.make("scenarios")
        func write(_ name: String, _ text: String) throws {
            try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
        }
        try write("a.yaml", Self.good)
        try write("notes.txt", "not a scenario")
        let folder = try ScenarioFolder(path, binaries: "/")
        #expect(try folder.chosen([]).map(\.name) == ["kill-payment"])
        #expect(try folder.chosen([path + "/a.yaml"]).map(\.name) == ["kill-payment"])
        let unknown = #expect(throws: CommandFailure.self) { try folder.chosen(["kill-gravity"]) }
        #expect(unknown?.code == .usage)
        #expect(unknown?.message == "there is no scenario \"kill-gravity\"")
        #expect(unknown?.details == ["there are: kill-payment"])
        try write("b.yaml", Self.good.replacing("target: payment", with: "target: x"))
        try write("c.yaml", "name: [")
        let mistakes = #expect(throws: CommandFailure.self) { try folder.all() }
        #expect(mistakes?.code == .usage)
        #expect(mistakes?.message.hasPrefix("b.yaml:6: fault.target: ") == true)
        #expect(mistakes?.details.first?.hasPrefix("c.yaml:") == true)
        let none = #expect(throws: CommandFailure.self) {
            try ScenarioFolder(path + "/none", binaries: "/")
        }
        #expect(none?.message.contains("/none") == true)
    }

    @Test func `two files with one name are refused`() throws {
        let path = try ScratchFolder.make("scenarios")
        for name in ["a", "b"] {
            try Self.good.write(
                toFile: "\(path)/\(name).yaml", atomically: false, encoding: .utf8)
        }
        let error = #expect(throws: CommandFailure.self) {
            try ScenarioFolder(path, binaries: "/").all()
        }
        #expect(error?.message == "two files have the name kill-payment")
    }

    @Test func `the scenarios of the repository are all well-formed and keep the rules`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let scenarios = try ScenarioFolder(root + "/deploy/chaos", binaries: "/").all()
        #expect(scenarios.allSatisfy { $0.limits == ChaosScenario.Limits() })
        #expect(scenarios.allSatisfy { $0.load == ChaosScenario.Load() })
        #expect(scenarios.allSatisfy { $0.fault.begins == .seconds(5) && $0.fault.ends == .seconds(15) })
        let native = scenarios.filter {
            $0.places.contains(.native) && NativeBackend.obstacle(to: $0.fault, broker: .dev) == nil
        }
        let titles = Set(native.map { "\($0.fault.action.rawValue) \($0.fault.target.rawValue)" })
        for target in ChaosTarget.allCases where target.isService || target == .redis {
            #expect(titles.contains("kill \(target.rawValue)"))
        }
        for target in ChaosTarget.allCases where target.isDatabase {
            #expect(titles.contains("restart \(target.rawValue)"))
        }
        #expect(titles.isSuperset(of: ["kill broker", "pause broker"]))
        #expect(Set(native.compactMap(\.fault.mode)) == Set(ChaosFault.ProviderMode.allCases))
    }

    @Test func `the mix holds in every block, and its order is the seed's`() {
        let mix = OrderMix()
        let intents = mix.intents(95, random: .seeded(7))
        #expect(intents.count == 95)
        for start in stride(from: 0, to: 90, by: 10) {
            let block = intents[start..<start + 10]
            #expect(block.count { $0 == .good } == 8)
            #expect(block.contains(.declined) && block.contains(.noStock))
        }
        #expect(intents == mix.intents(95, random: .seeded(7)))
        #expect(intents != mix.intents(95, random: .seeded(8)))
    }

    @Test func `the demand covers every order that needs stock`() throws {
        let load = ChaosLoad(try ScenarioReader.read(Self.good, name: "a.yaml"), seed: 3)
        #expect(load.demand.values.reduce(0, +) == 90)
        #expect(load.purchases.count { $0.cardToken == "tok_declined" } == 10)
        #expect(load.purchases.count { $0.sku == DemoProduct.soldOut } == 10)
    }
}
