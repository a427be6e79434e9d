import Basics
import Testing

@testable import InventoryService

private let hash = "a-hash"
private let lamp = SKU("LAMP-1")
private let stool = SKU("STOOL-2")

/// One test per cell of Inventory's participant table (correctness.md §2).
@Suite struct ReservationTests {
    let lines: [ReservationLine]
    let plenty: [SKU: StockLevel]
    let refused: Refusal

    init() throws {
        let sku = try #require(lamp)
        lines = [ReservationLine(sku: sku, quantity: 2)]
        plenty = [sku: StockLevel(onHand: 5, held: 3, version: 8)]
        refused = .noStock(sku: sku, available: 1, stockVersion: 9)
    }

    var reserve: ReservationCommand { .reserve(lines: lines, linesHash: hash) }
    var otherLines: ReservationCommand { .reserve(lines: lines, linesHash: "another") }
    let held = Reservation.held(linesHash: hash)
    let committed = Reservation.committed(linesHash: hash)
    func released(_ reason: ReleaseReason) -> Reservation {
        .released(reason, linesHash: reason == .neverHeld ? nil : hash)
    }
    var rejected: Reservation { .rejected(refused, linesHash: hash) }

    // MARK: Reserve

    @Test func `Reserve on NONE holds when every line is available`() {
        #expect(
            Reservation.none.decide(reserve, stock: plenty)
                == .change(to: held, move: .hold, answer: .reserved))
    }

    @Test func `Reserve on NONE holds the very last piece`() throws {
        let sku = try #require(lamp)
        let stock = [sku: StockLevel(onHand: 3, held: 1, version: 2)]
        #expect(
            Reservation.none.decide(reserve, stock: stock)
                == .change(to: held, move: .hold, answer: .reserved))
    }

    @Test
    func `Reserve on NONE is rejected with what was seen when a piece is missing (invariant 16)`()
        throws
    {
        let sku = try #require(lamp)
        let stock = [sku: StockLevel(onHand: 4, held: 3, version: 9)]
        #expect(
            Reservation.none.decide(reserve, stock: stock)
                == .change(to: rejected, move: nil, answer: .reserveRejected(refused)))
    }

    @Test func `Reserve on NONE is rejected for an unknown SKU`() throws {
        let sku = try #require(lamp)
        let refusal = Refusal.unknownSKU(sku: sku)
        #expect(
            Reservation.none.decide(reserve)
                == .change(
                    to: .rejected(refusal, linesHash: hash), move: nil,
                    answer: .reserveRejected(refusal)))
    }

    @Test func `Reserve on HELD repeats Reserved`() {
        #expect(held.decide(reserve, stock: plenty) == .answer(.reserved))
    }

    @Test func `Reserve on COMMITTED repeats Reserved`() {
        #expect(committed.decide(reserve, stock: plenty) == .answer(.reserved))
    }

    @Test(arguments: ReleaseReason.allCases)
    func `Reserve on RELEASED is closed, whatever released it (D3)`(_ reason: ReleaseReason) {
        #expect(released(reason).decide(reserve, stock: plenty) == .answer(.reserveClosed))
    }

    @Test func `Reserve on REJECTED repeats the refusal although stock has come since`() {
        #expect(rejected.decide(reserve, stock: plenty) == .answer(.reserveRejected(refused)))
    }

    @Test func `Reserve with other lines contradicts HELD, COMMITTED, RELEASED and REJECTED`() {
        for state in [held, committed, released(.released), released(.expired), rejected] {
            #expect(
                state.decide(otherLines, stock: plenty) == .contradiction(.reserveOtherLines))
        }
    }

    @Test func `a tombstone without lines fences a Reserve with any lines`() {
        #expect(released(.neverHeld).decide(otherLines, stock: plenty) == .answer(.reserveClosed))
    }

    // MARK: CommitStock

    @Test func `CommitStock on NONE is rejected and leaves a tombstone`() {
        #expect(
            Reservation.none.decide(.commitStock)
                == .change(
                    to: released(.neverHeld), move: nil, answer: .commitRejected(.unknown)))
    }

    @Test func `CommitStock on HELD sells the pieces`() {
        #expect(
            held.decide(.commitStock)
                == .change(to: committed, move: .commit, answer: .stockCommitted))
    }

    @Test func `CommitStock on COMMITTED repeats StockCommitted`() {
        #expect(committed.decide(.commitStock) == .answer(.stockCommitted))
    }

    @Test(arguments: [
        (ReleaseReason.released, CommitRefusal.released), (.restocked, .released),
        (.expired, .expired), (.neverHeld, .unknown),
    ])
    func `CommitStock on RELEASED is rejected with the reason`(
        _ reason: ReleaseReason, _ refusal: CommitRefusal
    ) {
        #expect(released(reason).decide(.commitStock) == .answer(.commitRejected(refusal)))
    }

    @Test func `CommitStock on REJECTED is rejected`() {
        #expect(rejected.decide(.commitStock) == .answer(.commitRejected(.rejected)))
    }

    // MARK: Release

    @Test func `Release on NONE leaves a tombstone and had nothing to free (D3)`() {
        #expect(
            Reservation.none.decide(.release)
                == .change(to: released(.neverHeld), move: nil, answer: .released(.nothing)))
    }

    @Test func `Release on HELD frees the hold`() {
        #expect(
            held.decide(.release)
                == .change(
                    to: released(.released), move: .release, answer: .released(.released)))
    }

    @Test func `Release on COMMITTED restocks`() {
        #expect(
            committed.decide(.release)
                == .change(
                    to: released(.restocked), move: .restock, answer: .released(.restocked)))
    }

    @Test(arguments: [
        (ReleaseReason.released, ReleaseOutcome.released), (.restocked, .restocked),
        (.expired, .released), (.neverHeld, .nothing),
    ])
    func `Release on RELEASED repeats Released`(
        _ reason: ReleaseReason, _ outcome: ReleaseOutcome
    ) {
        #expect(released(reason).decide(.release) == .answer(.released(outcome)))
    }

    @Test func `Release on REJECTED had nothing to free`() {
        #expect(rejected.decide(.release) == .answer(.released(.nothing)))
    }

    // MARK: Expiry

    @Test func `the expiry job frees a hold and tells the order`() {
        #expect(
            held.decide(.expire)
                == .change(
                    to: released(.expired), move: .release, answer: .reservationExpired))
    }

    @Test func `the expiry job changes nothing but a hold`() {
        let others = [Reservation.none, committed, rejected] + ReleaseReason.allCases.map(released)
        for state in others { #expect(state.decide(.expire) == .ignore) }
    }
}

@Suite struct AdmissionTests {
    @Test func `one line short refuses all, and names the first in SKU order`() throws {
        let (a, b) = (try #require(lamp), try #require(stool))
        let lines = [
            ReservationLine(sku: b, quantity: 9), ReservationLine(sku: a, quantity: 9),
        ]
        let level = StockLevel(onHand: 8, held: 0, version: 1)
        #expect(
            refusal(of: lines, stock: [a: level, b: level])
                == .noStock(sku: a, available: 8, stockVersion: 1))
    }

    @Test func `an unknown SKU is named before a missing piece`() throws {
        let (a, b) = (try #require(lamp), try #require(stool))
        let lines = [
            ReservationLine(sku: a, quantity: 9), ReservationLine(sku: b, quantity: 1),
        ]
        let stock = [a: StockLevel(onHand: 0, held: 0, version: 0)]
        #expect(refusal(of: lines, stock: stock) == .unknownSKU(sku: b))
    }

    @Test func `pieces that are held are not available`() throws {
        let sku = try #require(lamp)
        let line = [ReservationLine(sku: sku, quantity: 1)]
        #expect(
            refusal(of: line, stock: [sku: StockLevel(onHand: 4, held: 4, version: 3)])
                == .noStock(sku: sku, available: 0, stockVersion: 3))
        #expect(refusal(of: line, stock: [sku: StockLevel(onHand: 4, held: 3, version: 3)]) == nil)
    }

    @Test func `a hold and its release, and a commit and its restock, cancel out`() {
        func sums(_ kinds: [MoveKind]) -> [Int64] {
            [kinds.map(\.onHandPerPiece).reduce(0, +), kinds.map(\.heldPerPiece).reduce(0, +)]
        }
        #expect(sums([.hold, .release]) == [0, 0])
        #expect(sums([.hold, .commit, .restock]) == [0, 0])
    }
}
