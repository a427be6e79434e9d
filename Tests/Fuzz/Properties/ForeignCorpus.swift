import Foundation
import HTTPCorpora

/// Inputs of other projects in the folder that `MERCATO_HTTP_CORPORA` names (see `HTTPCorpora`), to
/// begin with besides our own.
package enum ForeignCorpus {
    /// The inputs for a target, nil when the environment names no folder: llhttp's requests, its
    /// responses, and what stands behind the heads of both where a coding is declared.
    package static func inputs(for target: FuzzTarget) throws -> [[UInt8]]? {
        switch target {
        case .request: return try llhttp("request")
        case .response: return try llhttp("response")
        case .writer: return nil
        case .chunks:
            guard let requests = try llhttp("request"), let responses = try llhttp("response")
            else { return nil }
            return (requests + responses).compactMap(body)
        }
    }

    /// Every case of a folder, those for lenient readers as well: a fuzzer wants odd inputs.
    private static func llhttp(_ kind: String) throws -> [[UInt8]]? {
        guard let folder = Corpora.folder else { return nil }
        let path = "\(folder)/llhttp/\(kind)"
        return try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            .filter { $0.hasSuffix(".md") }
            .flatMap { name in
                LlhttpCorpus.cases(
                    in: try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8),
                    named: "\(kind)/\(name)")
            }
            .map(\.input)
    }

    private static func body(_ input: [UInt8]) -> [UInt8]? {
        let mark: [UInt8] = [13, 10, 13, 10]
        guard let end = input.indices.first(where: { input[$0...].starts(with: mark) }),
            String(decoding: input[..<end], as: UTF8.self).lowercased()
                .contains("transfer-encoding")
        else { return nil }
        return Array(input[(end + mark.count)...])
    }
}
