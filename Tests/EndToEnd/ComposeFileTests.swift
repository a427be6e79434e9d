import Foundation
import Testing

/// What can be said of docker-compose.yml without an engine.
@Suite struct ComposeFileTests {
    private static func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(ComposeProject.root)/\(path)", encoding: .utf8)
    }

    /// `${KEY:-default}` and `$(setting KEY default)` of a text, by key; several defaults of one key
    /// are several.
    private static func knobs(of text: String) -> [String: Set<String>] {
        var found: [String: Set<String>] = [:]
        for match in text.matches(of: /\$\{([A-Z][A-Z_0-9]*):-([^}]*)\}/) {
            found[String(match.1), default: []].insert(String(match.2))
        }
        for match in text.matches(of: /\$\(setting ([A-Z][A-Z_0-9]*) ([^)]*)\)/) {
            found[String(match.1), default: []].insert(String(match.2))
        }
        return found
    }

    /// Leaves out what Compose and its script take from elsewhere.
    private static let notForPeople: Set<String> = ["XDG_CACHE_HOME", "MERCATO_BUILD"]

    @Test func `every knob is in .env.example with its default, and nothing else is`() throws {
        var expected = Self.knobs(of: try Self.text("docker-compose.yml"))
        for (key, values) in Self.knobs(of: try Self.text("deploy/docker/compose.sh"))
        where key.hasPrefix("MERCATO_") && !Self.notForPeople.contains(key) && expected[key] == nil {
            expected[key] = values
        }
        var listed: [String: Set<String>] = [:]
        for line in try Self.text(".env.example").split(separator: "\n") where !line.hasPrefix("#") {
            let sides = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            listed[String(sides[0])] = [sides.count == 2 ? String(sides[1]) : ""]
        }
        for (key, values) in expected.sorted(by: { $0.key < $1.key }) {
            #expect(listed[key] == values, "\(key)")
        }
        #expect(Set(listed.keys).subtracting(expected.keys).isEmpty)
    }

    @Test func `every port is published on 127.0.0.1 alone`() throws {
        let published = try Self.text("docker-compose.yml").matches(of: /"([^"]*):(\d+)"/)
            .map { String($0.1) }.filter { $0.contains("MERCATO_PORT") }
        #expect(published.count == 5)
        #expect(published.allSatisfy { $0.hasPrefix("127.0.0.1:${MERCATO_PORT_") }, "\(published)")
    }

    /// Without the mount, the key would name a file that is not in the image.
    @Test func `the gateway gets its policies and the Redis that counts for them`() throws {
        let file = try Self.text("docker-compose.yml")
        let gateway = try #require(
            file.firstMatch(of: /\n  gateway:\n((?s:.*?))\n\n/)?.1)
        #expect(gateway.contains("MERCATO_GATEWAY_POLICIES: /etc/mercato/policies.yaml"))
        #expect(gateway.contains("target: /etc/mercato/policies.yaml\n        read_only: true"))
        #expect(gateway.contains("<<: *environment") && file.contains("MERCATO_REDIS_URL: redis://redis:6379"))
        let source = try #require(gateway.firstMatch(of: /\$\{MERCATO_POLICIES:-\.\/([^}]*)\}/)?.1)
        #expect(FileManager.default.fileExists(atPath: "\(ComposeProject.root)/\(source)"))
    }

    @Test func `every image is pinned`() throws {
        let images = try Self.text("docker-compose.yml").matches(of: /image: (\S+)/).map { String($0.1) }
        #expect(images.count > 10)
        for image in images {
            let tag = image.split(separator: ":").last.map(String.init) ?? ""
            #expect(image.contains(":") && !tag.contains("latest"), "\(image)")
        }
    }

    @Test func `the Dockerfile needs no frontend from a registry`() throws {
        let first = try Self.text("deploy/docker/Dockerfile").split(separator: "\n").first ?? ""
        #expect(!first.contains("syntax="))
    }

    /// A real value in this folder would be a leak.
    @Test func `the committed secrets say what they are`() throws {
        let folder = "deploy/docker/secrets"
        let names = try FileManager.default.contentsOfDirectory(
            atPath: "\(ComposeProject.root)/\(folder)")
        #expect(names.count == 15)
        for name in names where name != "README.md" {
            #expect(try Self.text("\(folder)/\(name)").hasPrefix("demo-only-"), "\(name)")
        }
    }
}
