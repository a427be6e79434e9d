import HTTP

/// The web shop and the description of the API, served from the binary itself: no folder to mount,
/// no file to miss.
enum WebPages {
    static func add(to router: inout Router) {
        let pages = [
            Page("/", "text/html; charset=utf-8", PackageResources.index_html),
            Page("/app.js", "text/javascript; charset=utf-8", PackageResources.app_js),
            Page("/style.css", "text/css; charset=utf-8", PackageResources.style_css),
            // RFC 9512: the registered type, always UTF-8.
            Page("/openapi.yaml", "application/yaml", PackageResources.openapi_yaml),
        ]
        for page in pages { router.on(.get, page.path) { page.response(to: $0) } }
    }

    /// Only our own scripts and styles run, talk only to us, and nobody frames us.
    static let contentSecurityPolicy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    ].joined(separator: "; ")
}

private struct Page: Sendable {
    let path: String
    private let headers: Headers
    private let content: [UInt8]
    private let validators: Validators

    init(_ path: String, _ type: String, _ content: [UInt8]) {
        self.path = path
        self.content = content
        validators = Validators(entityTag: EntityTag(fingerprintOf: content))
        headers = [
            "content-type": type,
            // Kept, but asked about each time: a new release shows at once.
            "cache-control": "no-cache", "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "content-security-policy": WebPages.contentSecurityPolicy,
        ]
    }

    func response(to request: Request) -> Response {
        Response(status: 200, headers: headers, body: .bytes(content))
            .answering(request, validators)
    }
}
