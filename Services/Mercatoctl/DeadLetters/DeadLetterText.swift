import Foundation

/// Dead letters as lines for people.
enum DeadLetterText {
    /// Characters of an error in a list; `show` has all of it.
    private static let errorShown = 100
    /// Bytes of a payload that `show` prints.
    static let payloadShown = 4_096

    static func table(_ letters: [DeadLetterAPI.Letter]) -> [String] {
        letters.flatMap { letter in
            let place = letter["offset"] == "-1" ? "never published"
                : "\(letter["partition"])@\(letter["offset"])"
            let error = letter["error"]
            let short = error.count > errorShown ? error.prefix(errorShown) + "…" : error[...]
            var lines = [
                "\(letter.id)  \(letter.service)  \(letter["state"])  "
                    + "\(letter["type"]) on \(letter["topic"]) \(place)",
                "    \(letter["error_class"])/\(letter["error_code"]): \(short)",
                "    order \(letter["order_id"]), \(letter["attempts"]) attempts, first at "
                    + "\(letter["first_failed_at"]), \(letter["replays"]) replays",
            ]
            if letter["reason"] != "-" { lines.append("    reason: \(letter["reason"])") }
            return lines
        }
    }

    /// All of one letter.
    static func full(_ service: String, _ letter: JSONObject) throws(CommandFailure) -> [String] {
        let names = [
            "id", "consumer", "state", "type", "topic", "partition", "offset", "recorded_at",
            "message_id", "order_id", "trace_id", "error_class", "error_code", "error", "attempts",
            "first_failed_at", "replays", "replayed_at", "settled_at", "reason", "payload_bytes",
        ]
        var lines = [line("service", service)]
        for name in names {
            let text = letter.optionalText(name) ?? letter.optionalInteger(name).map(String.init)
            if let text { lines.append(line(name, text)) }
        }
        lines.append(line("key", value(letter.optionalObject("key"))))
        lines.append("headers")
        for header in try letter.objects("headers") {
            lines.append(
                "    \(header.optionalText("name") ?? "?"): \(value(header.optionalObject("value")))")
        }
        lines.append("payload")
        lines.append("    \(value(letter.optionalObject("payload")))")
        return lines
    }

    private static func line(_ name: String, _ text: String) -> String {
        name + String(repeating: " ", count: max(1, 17 - name.count)) + text
    }

    private static func value(_ object: JSONObject?) -> String {
        guard let object, let data = object.optionalText("data") else { return "none" }
        let shown = data.count > payloadShown
            ? "\(data.prefix(payloadShown))… (\(data.count) characters)" : data
        return object.optionalText("encoding") == "base64" ? "base64:\(shown)" : shown
    }
}
