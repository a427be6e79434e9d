import Foundation
import FuzzProperties

// The program that libFuzzer drives: `make fuzz` builds and runs it (docs/fuzzing.md). It has no
// `main`, which libFuzzer brings; what it is to do comes from the environment, since the arguments
// are libFuzzer's.

/// What `MERCATO_FUZZ_TARGET` names.
private let target: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["MERCATO_FUZZ_TARGET"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        quit("set MERCATO_FUZZ_TARGET to one of: \(names)", code: 2)
    }
    return target
}()

/// Called by libFuzzer for each input. A broken property ends the process, and libFuzzer saves the
/// input.
@_cdecl("LLVMFuzzerTestOneInput")
func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    do {
        try target.check(bytes)
    } catch {
        report("a property of the \(target.rawValue) target does not hold: \(error)")
        report("input: \(Escapes.text(of: bytes))")
        abort()
    }
    return 0
}

/// Called by libFuzzer once. `MERCATO_FUZZ_SEEDS=FOLDER` writes the seeds there as files and ends;
/// `MERCATO_FUZZ_ESCAPE=FILE` prints a file as the line it would be in a seed file.
@_cdecl("LLVMFuzzerInitialize")
func initialize(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt {
    let environment = ProcessInfo.processInfo.environment
    do {
        if let folder = environment["MERCATO_FUZZ_SEEDS"] {
            let inputs =
                try SeedFile(of: target).seeds.map(\.bytes)
                + (try ForeignCorpus.inputs(for: target) ?? [])
            for (index, input) in inputs.enumerated() {
                try Data(input).write(to: URL(filePath: folder).appending(path: "seed-\(index)"))
            }
            print("\(inputs.count) seeds")
            exit(0)
        }
        if let file = environment["MERCATO_FUZZ_ESCAPE"] {
            let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
            print("found | \(try target.verdict(on: bytes)) | \(Escapes.text(of: bytes))")
            exit(0)
        }
    } catch {
        quit("\(error)", code: 1)
    }
    return 0
}

private func report(_ text: String) {
    FileHandle.standardError.write(Data((text + "\n").utf8))
}

private func quit(_ text: String, code: CInt) -> Never {
    report(text)
    exit(code)
}
