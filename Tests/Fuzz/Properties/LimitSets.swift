import HTTP

/// The limits under which each input is parsed.
extension HTTPLimits {
    /// So small that an input of a hundred bytes reaches each of them.
    static let tight: HTTPLimits = {
        var limits = HTTPLimits()
        limits.startLineMax = 64
        limits.methodMax = 8
        limits.fieldLineMax = 48
        limits.sectionMax = 160
        limits.fieldsMax = 5
        limits.bodyMax = 64
        limits.trailersMax = 40
        limits.chunkExtensionMax = 12
        limits.chunkExtensionsMax = 24
        limits.chunkOverheadMax = 96
        return limits
    }()

    /// So large that only the grammar decides.
    static let loose: HTTPLimits = {
        var limits = HTTPLimits()
        let large = 1 << 30
        limits.startLineMax = large
        limits.methodMax = large
        limits.fieldLineMax = large
        limits.sectionMax = large
        limits.fieldsMax = large
        limits.bodyMax = large
        limits.trailersMax = large
        limits.chunkExtensionMax = large
        limits.chunkExtensionsMax = large
        limits.chunkOverheadMax = large
        return limits
    }()

    /// Bytes that a parser may keep while it waits for more: at most an unfinished head, or an
    /// unfinished line of chunk framing or trailers.
    var keptMax: Int {
        max(startLineMax + sectionMax, chunkExtensionMax, trailersMax, fieldLineMax) + 64
    }
}
