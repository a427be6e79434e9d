/// Every limit of the parsers (gateway.md §3). Sizes are bytes.
package struct HTTPLimits: Sendable, Equatable {
    /// A start line, without CRLF; beyond: 414.
    package var startLineMax = 16 * 1024
    /// A method; beyond: 501.
    package var methodMax = 32
    /// One field line, name and value; beyond: 431.
    package var fieldLineMax = 8 * 1024
    /// All field lines together with their CRLFs; beyond: 431.
    package var sectionMax = 16 * 1024
    /// Field lines; beyond: 431.
    package var fieldsMax = 100
    /// A request body where the route names no limit; beyond: 413.
    package var bodyMax = 1024 * 1024
    /// The trailer section; beyond: 431.
    package var trailersMax = 8 * 1024
    /// The extensions of one chunk; beyond: 400 (H72).
    package var chunkExtensionMax = 4 * 1024
    /// The extensions of all chunks of one body; beyond: 400 (H72).
    package var chunkExtensionsMax = 16 * 1024
    /// Framing bytes allowed on top of four times the data: stops floods of tiny chunks (H78).
    package var chunkOverheadMax = 16 * 1024
    /// Empty lines ignored before a request line (H3).
    package var blankLinesMax = 2

    package init() {}

    package static let standard = HTTPLimits()
}
