/// Bytes of request bodies that may be in memory at once, over all connections of a server.
///
/// A limit per body alone is no bound: it is multiplied by the number of connections.
struct BodyBudget {
    let bytesMax: Int
    private(set) var bytes = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// False when the budget has no room for so many more bytes; then nothing is taken.
    mutating func take(_ count: Int) -> Bool {
        guard count <= bytesMax - bytes else { return false }
        bytes += count
        return true
    }

    mutating func giveBack(_ count: Int) { bytes -= count }
}
