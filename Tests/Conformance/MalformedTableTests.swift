import Foundation
import HTTP
import HTTPCorpora
import Testing

/// The byte strings of h11's tests (Tests/Fixtures/HTTP/h11.tsv): what h11 refuses is refused here; what
/// it takes and we do not stands in disagreements.md with the reason.
@Suite(.serialized) struct MalformedTableTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let isRefused: Bool
        let name: String
        let bytes: [UInt8]
        var testDescription: String { name }

        /// `verdict <TAB> name <TAB> bytes`.
        init?(_ line: Substring) {
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard cells.count == 3 else { return nil }
            isRefused = cells[0] == "refuse"
            name = String(cells[1])
            bytes = Self.unescaped(cells[2])
        }

        private static func unescaped(_ text: Substring) -> [UInt8] {
            var bytes: [UInt8] = []
            var rest = text.utf8[...]
            while let byte = rest.popFirst() {
                guard byte == UInt8(ascii: "\\"), let kind = rest.popFirst() else {
                    bytes.append(byte)
                    continue
                }
                switch kind {
                case UInt8(ascii: "r"): bytes.append(13)
                case UInt8(ascii: "n"): bytes.append(10)
                case UInt8(ascii: "t"): bytes.append(9)
                case UInt8(ascii: "x"):
                    bytes.append(UInt8(String(Substring(rest.prefix(2))), radix: 16) ?? 0)
                    rest = rest.dropFirst(2)
                default: bytes.append(kind)
                }
            }
            return bytes
        }
    }

    static let rows: [Row] = {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/HTTP/h11.tsv")
        // Ignored: a file that is not there leaves no row, and the test of their number fails.
        let text = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { Row($0) }
    }()

    @Test func `every line of the table is read`() throws {
        #expect(Self.rows.count >= 50)
        let listed = try Disagreements.load("h11").cases
        #expect(listed.isSubset(of: Self.rows.map(\.name)), "listed, and no such case")
    }

    @Test(arguments: rows)
    func `h11 and we say the same, except where we say why`(_ row: Row) throws {
        var parser = RequestParser()
        parser.append(row.bytes)
        var isComplete = false
        do throws(ParseError) {
            while !isComplete, let event = try parser.next() {
                if case .end = event { isComplete = true }
            }
        } catch {
            isComplete = false
        }
        // What is cut is refused by both.
        let isListed = try Disagreements.load("h11").cases.contains(row.name)
        #expect((isComplete != row.isRefused) != isListed, "complete: \(isComplete), listed: \(isListed)")
    }
}
