import Basics
import Foundation

/// What the customers of a run do.
package enum LoadProfile: String, Sendable, CaseIterable {
    /// The catalogue, then one product's page.
    case browse
    /// Cart, order, and its events to the final state; every tenth card is declined.
    case checkout
    /// A checkout by everybody of one product of which there are few: sold out is a good answer.
    case flash

    package static let names = allCases.map(\.rawValue).joined(separator: "|")
}

/// One run, complete and within bounds; made from the command line.
package struct LoadPlan: Sendable, Equatable {
    package static let defaultRate = 10.0
    package static let defaultDuration = Duration.seconds(60)
    package static let stockRange: ClosedRange<Int64> = 1...1_000_000
    /// Pieces for a flash sale when nobody says how many: at most these, and a quarter of the buyers.
    package static let flashStockMax: Int64 = 50

    package var profile = LoadProfile.checkout
    package var rate = LoadPlan.defaultRate
    package var duration = LoadPlan.defaultDuration
    package var maxInFlight = OpenLoop.inFlightMax
    /// Decides what is bought in which order; customers and keys are new in every run.
    package var seed: UInt64 = 1
    /// Pieces of the flash sale; nil for the default.
    package var flashStock: Int64?
    /// Bounds that replace those of the profile, by name.
    package var bounds: [String: Double] = [:]
    /// False: the stock is used as it is.
    package var topsUp = true
    /// True: the gateway may be another machine.
    package var allowsRemote = false
    /// The report is also written here.
    package var jsonFile: String?
    /// The folder of the k6 scripts; nil: this program sends the customers itself.
    package var k6Folder: String?

    package init() {}

    /// Pieces that the run needs of each product it buys.
    package func pieces(of arrivals: Int) -> Int64 {
        profile == .flash ? flashStock ?? max(1, min(Self.flashStockMax, Int64(arrivals) / 4))
            : Int64(arrivals) * Int64(LoadChoices.quantityMax) / Int64(LoadChoices.skus.count) * 2 + 20
    }

    /// Load is for one's own machine, unless somebody says otherwise in so many words.
    package func checkTarget(_ url: String) throws(CommandFailure) {
        let host = URLComponents(string: url)?.host ?? ""
        let bare = host.trimmingCharacters(in: CharacterSet(charactersIn: "[]")).lowercased()
        guard Self.isLocal(bare) || allowsRemote else {
            throw CommandFailure(
                .usage, "\(url) is not this machine; load another one only if it is yours",
                details: ["then say so: --allow-remote"])
        }
    }

    /// Names that only begin like a loopback address are no addresses.
    private static func isLocal(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return host == "localhost" || host == "::1"
            || parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// What each arrival does: the same for the same seed, however the arrivals interleave.
package struct LoadChoices: Sendable {
    /// Every product of the demo that can be bought.
    package static let skus = DemoProduct.catalogue.filter { $0.firstDelivery > 0 }.map(\.sku)
    package static let quantityMax = 2
    /// The product of the flash sale; it is on the shelf during the run only.
    package static let flashSKU = "FLASH-SALE"
    /// One card of these is declined.
    package static let declinedEvery: UInt64 = 10

    private let profile: LoadProfile
    private let seed: UInt64

    package init(_ profile: LoadProfile, seed: UInt64) {
        self.profile = profile
        self.seed = seed
    }

    /// What the arrival's customer buys, or looks at.
    package func purchase(_ index: Int) -> Purchase {
        if profile == .flash { return Purchase(sku: Self.flashSKU) }
        let random = RandomSource.seeded(seed &* 0x1_0000_01b3 &+ UInt64(index))
        let sku = Self.skus[Int(random.next() % UInt64(Self.skus.count))]
        let quantity = 1 + Int(random.next() % UInt64(Self.quantityMax))
        let isDeclined = random.next() % Self.declinedEvery == 0
        return Purchase(
            sku: sku, quantity: quantity, cardToken: isDeclined ? "tok_declined" : "tok_ok")
    }
}
