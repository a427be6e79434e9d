import Basics
import Postgres

/// A reservation as it was read under its lock.
struct LockedReservation {
    let state: Reservation
    /// The seq of its newest log row.
    let version: Int64
}

/// A row that the constraints should have made impossible.
struct CorruptRow: Error, CustomStringConvertible {
    let table: String
    let detail: String
    var description: String { "a row of \(table) contradicts itself: \(detail)" }
}

extension LockedReservation {
    init(_ row: Row) throws {
        version = try row.integer("version")
        let status = try row.text("status")
        func hash() throws -> String {
            guard let hash = try row.optionalText("lines_hash") else {
                throw CorruptRow(table: "reservations", detail: "\(status) without lines_hash")
            }
            return hash
        }
        switch status {
        case "NONE": state = .none
        case "HELD": state = .held(linesHash: try hash())
        case "COMMITTED": state = .committed(linesHash: try hash())
        case "RELEASED":
            guard let reason = ReleaseReason(rawValue: try row.text("reason")) else {
                throw CorruptRow(table: "reservations", detail: "unknown reason")
            }
            state = .released(reason, linesHash: try row.optionalText("lines_hash"))
        case "REJECTED":
            state = .rejected(try Refusal(row), linesHash: try hash())
        default: throw CorruptRow(table: "reservations", detail: "unknown status")
        }
    }
}

extension Refusal {
    fileprivate init(_ row: Row) throws {
        guard let sku = SKU(try row.text("rejected_sku")) else {
            throw CorruptRow(table: "reservations", detail: "rejected_sku is no SKU")
        }
        if try row.text("reason") == "no_stock" {
            self = .noStock(
                sku: sku, available: try row.integer("available_seen"),
                stockVersion: try row.integer("stock_version_seen"))
        } else {
            self = .unknownSKU(sku: sku)
        }
    }
}

extension ReservationLine {
    init(_ row: Row) throws {
        guard let sku = SKU(try row.text("sku")) else {
            throw CorruptRow(table: "reservation_lines", detail: "sku is no SKU")
        }
        self.init(sku: sku, quantity: try row.integer("qty"))
    }
}

extension StockLevel {
    /// A row of `stock` with its SKU.
    static func read(_ row: Row) throws -> (SKU, StockLevel) {
        guard let sku = SKU(try row.text("sku")) else {
            throw CorruptRow(table: "stock", detail: "sku is no SKU")
        }
        let level = StockLevel(
            onHand: try row.integer("on_hand"), held: try row.integer("held"),
            version: try row.integer("version"))
        return (sku, level)
    }
}
