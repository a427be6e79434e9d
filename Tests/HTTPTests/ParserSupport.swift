import HTTP

/// Everything a parser said about some bytes, in a form that can be compared.
struct Transcript: Equatable, CustomStringConvertible {
    var events: [String] = []
    var error: ParseError?

    var status: Int? { error?.status }
    var description: String { events.joined(separator: " | ") + (error.map { " ! \($0)" } ?? "") }
}

/// Feeds pieces to a request parser, drains it after each, and joins neighbouring body pieces.
func transcript(
    _ pieces: [[UInt8]], limits: HTTPLimits = .standard, bodyLimit: Int? = nil
) -> Transcript {
    var parser = RequestParser(limits: limits)
    var result = Transcript()
    var body: [UInt8] = []
    for piece in pieces {
        parser.append(piece)
        do throws(ParseError) {
            while let event = try parser.next() {
                switch event {
                case .head(let head):
                    result.events.append(describe(head))
                    if let bodyLimit { try parser.limitBody(to: bodyLimit) }
                case .body(let data): body += data
                case .end:
                    result.events.append("end(\(String(decoding: body, as: UTF8.self)))")
                    body = []
                }
            }
        } catch {
            result.error = error
            return result
        }
    }
    return result
}

private func describe(_ head: RequestHead) -> String {
    let fields = head.headers.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
    return "\(head.method) \(head.path) [\(fields)] \(head.framing) keep=\(head.keepsAlive)"
}

func transcript(_ text: String, limits: HTTPLimits = .standard, bodyLimit: Int? = nil) -> Transcript
{
    transcript([Array(text.utf8)], limits: limits, bodyLimit: bodyLimit)
}

/// A request with one valid Host, and fields and body as given.
func get(_ fields: String = "", target: String = "/", method: String = "GET", body: String = "")
    -> String
{
    "\(method) \(target) HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)"
}

/// The only head in some bytes, nil when the parser gave none.
func onlyHead(_ text: String) throws -> RequestHead? {
    var parser = RequestParser()
    parser.append(Array(text.utf8))
    guard case .head(let head) = try parser.next() else { return nil }
    return head
}
