import FuzzProperties
import HTTPCorpora
import Testing

/// The seeds through the properties that `make fuzz` checks, without libFuzzer. What a fuzzer once
/// found stands in the seed files, so it stays fixed.
@Suite struct ReplayTests {
    @Test(arguments: FuzzTarget.allCases)
    func `every seed keeps the properties at every split (H83)`(target: FuzzTarget) throws {
        let seeds = try SeedFile(of: target).seeds
        #expect(seeds.count >= 20)
        for seed in seeds {
            // Splitting many kilobytes hundreds of times takes seconds, and finds no more.
            expectKept(target, seed.bytes, seed.description, thorough: seed.bytes.count < 1_000)
        }
    }

    @Test(arguments: FuzzTarget.allCases)
    func `every seed is accepted or refused as its line says`(target: FuzzTarget) throws {
        for seed in try SeedFile(of: target).seeds {
            let verdict = try target.verdict(on: seed.bytes)
            #expect(
                verdict == seed.verdict, "\(target.rawValue).seeds \(seed.description)")
        }
    }

    @Test(
        .enabled(if: Corpora.folder != nil, "MERCATO_HTTP_CORPORA names no folder"),
        arguments: [FuzzTarget.request, .response, .chunks])
    func `corpora of others keep the properties at every split (H83)`(target: FuzzTarget) throws {
        let inputs = try #require(try ForeignCorpus.inputs(for: target))
        #expect(inputs.count > 10)
        for (index, input) in inputs.enumerated() {
            expectKept(target, input, "input \(index)", thorough: input.count < 1_000)
        }
    }

    @Test(arguments: FuzzTarget.allCases, [UInt64(1), 20_261_121])
    func `mutated seeds keep the properties (H99)`(target: FuzzTarget, seed: UInt64) throws {
        let seeds = try SeedFile(of: target).seeds.map(\.bytes).filter { $0.count < 500 }
        var mutator = Mutator(state: seed)
        for _ in 0..<2_000 {
            let input = mutator.mutate(seeds)
            expectKept(target, input, "seed \(seed): \(Escapes.text(of: input))", thorough: false)
        }
    }

    private func expectKept(
        _ target: FuzzTarget, _ bytes: [UInt8], _ name: String, thorough: Bool
    ) {
        do throws(PropertyViolation) {
            try target.check(bytes, thorough: thorough)
        } catch {
            Issue.record("\(target.rawValue), \(name): \(error)")
        }
    }
}

/// A few blind mutations, the same for the same state.
private struct Mutator {
    var state: UInt64

    private static let bytes: [UInt8] = [0, 9, 10, 13, 32, 34, 37, 44, 47, 48, 58, 59, 61, 95, 127, 255]

    private mutating func below(_ limit: Int) -> Int {
        // SplitMix64.
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ mixed >> 31) % UInt64(max(1, limit)))
    }

    mutating func mutate(_ seeds: [[UInt8]]) -> [UInt8] {
        var input = seeds[below(seeds.count)]
        for _ in 0...below(3) where !input.isEmpty {
            let at = below(input.count)
            switch below(5) {
            case 0: input[at] = Self.bytes[below(Self.bytes.count)]
            case 1: input.insert(Self.bytes[below(Self.bytes.count)], at: at)
            case 2: input.remove(at: at)
            case 3: input.insert(contentsOf: input[at..<min(input.count, at + 9)], at: at)
            default:
                let other = seeds[below(seeds.count)]
                input.replaceSubrange(at..., with: other.dropFirst(below(other.count)))
            }
        }
        return input
    }
}
