import HTTP
import Testing

@testable import GatewayService

@Suite(.timeLimit(.minutes(1)))
struct WebPagesTests {
    @Test(arguments: [
        ("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8"),
        ("/style.css", "text/css; charset=utf-8"), ("/openapi.yaml", "application/yaml"),
    ])
    func `a page has its type, its policy and a tag, and needs no token`(
        path: String, type: String
    ) async throws {
        try await GatewayFixture.run(environment: [:]) { gateway in
            let page = try await gateway.api(.get, path)
            #expect(page.status == 200)
            #expect(!page.body.isEmpty)
            #expect(page.headers["content-type"] == type)
            #expect(page.headers["x-content-type-options"] == "nosniff")
            #expect(page.headers["cache-control"] == "no-cache")
            #expect(page.headers["content-security-policy"]?.contains("default-src 'none'") == true)
            let tag = try #require(page.headers["etag"])
            for known in [tag, "W/" + tag, "\"x\", " + tag, "*"] {
                let again = try await gateway.api(
                    .get, path, headers: ["if-none-match": known])
                #expect(again.status == 304)
                #expect(again.body.isEmpty)
            }
            let other = try await gateway.api(.get, path, headers: ["if-none-match": "\"x\""])
            #expect(other.status == 200)
        }
    }

    @Test func `pages hold no inline script or style, which their policy would refuse`() {
        let html = String(decoding: PackageResources.index_html, as: UTF8.self).lowercased()
        #expect(!html.contains(" onclick=") && !html.contains("<style") && !html.contains(" style="))
        for script in html.components("<script").dropFirst() {
            let tag = script.prefix { $0 != ">" }
            #expect(tag.contains(" src="))
            #expect(script.dropFirst(tag.count).hasPrefix("></script>"))
        }
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
