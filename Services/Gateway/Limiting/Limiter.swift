import Basics
import HTTP
import Redis
import Resilience
import Synchronization

/// Asks the policies that apply to a request, in memory and in Redis; takes from all or from none.
final class Limiter: Sendable {
    /// What one policy said.
    struct Entry: Sendable {
        let policy: LimitPolicy
        let decision: TokenBucketDecision
        /// The answer of this gateway's share, because Redis did not answer: nothing to tell a client.
        let isDegraded: Bool
    }

    /// What a request took, so that it can be given back when a later policy refuses it (RL-3).
    struct Taken: Sendable {
        fileprivate(set) var memory: [TokenBuckets.Charge] = []
        fileprivate(set) var redis: [TokenBuckets.Charge] = []
    }

    enum Verdict: Sendable {
        case admitted([Entry], Taken)
        /// Some of the entries were refused.
        case refused([Entry])
        /// Redis is away, and these policies are closed then.
        case unavailable([LimitPolicy])
    }

    private struct Asked {
        let policy: LimitPolicy
        let cost: Int
        let key: String
    }

    let gateways: Int
    private let buckets: Mutex<TokenBuckets>
    private let redis: RedisBuckets?
    private let instruments: LimitInstruments

    init(gateways: Int, keysMax: Int, redis: RedisClient?, instruments: LimitInstruments) {
        self.gateways = gateways
        buckets = Mutex(TokenBuckets(keysMax: keysMax))
        self.redis = redis.map { RedisBuckets(client: $0) }
        self.instruments = instruments
    }

    /// Keys counted in memory at present.
    var keys: Int { buckets.withLock { $0.count } }

    /// `principal` is the one that all of `policies` count by.
    func decide(
        _ policies: [LimitPolicy], route: LimitPolicy.Route?, principal: String
    ) async -> Verdict {
        var enforced: [Asked] = []
        var shadows: [Asked] = []
        for policy in policies {
            guard let cost = policy.cost(of: route) else { continue }
            let asked = Asked(policy: policy, cost: cost, key: principal)
            if policy.isShadow { shadows.append(asked) } else { enforced.append(asked) }
        }
        let verdict = await take(enforced)
        if case .admitted = verdict { for shadow in shadows { await count(shadow) } }
        return verdict
    }

    /// Memory first: giving back is cheap there, while Redis costs a round trip.
    private func take(_ asked: [Asked]) async -> Verdict {
        var taken = Taken()
        var entries: [Entry] = []
        let own = asked.filter { $0.policy.store == .memory }
        if !own.isEmpty {
            entries = takeOwn(own, isDegraded: false, into: &taken)
            if entries.contains(where: { !$0.decision.isAdmitted }) { return .refused(entries) }
        }
        let shared = asked.filter { $0.policy.store == .redis }
        guard !shared.isEmpty else { return .admitted(entries, taken) }
        do throws(RedisError) {
            entries += try await takeShared(shared, into: &taken)
        } catch {
            let closed = shared.map(\.policy).filter { $0.onStoreFailure == .closed }
            guard closed.isEmpty else {
                giveBackOwn(taken)
                for policy in closed { instruments.count(policy, store: "none", "refused") }
                return .unavailable(closed)
            }
            for open in shared where open.policy.onStoreFailure == .open {
                instruments.count(open.policy, store: "none", "admitted")
            }
            entries += takeOwn(
                shared.filter { $0.policy.onStoreFailure == .local }, isDegraded: true, into: &taken)
        }
        guard entries.allSatisfy(\.decision.isAdmitted) else {
            giveBackOwn(taken)
            return .refused(entries)
        }
        return .admitted(entries, taken)
    }

    private func takeOwn(
        _ asked: [Asked], isDegraded: Bool, into taken: inout Taken
    ) -> [Entry] {
        let charges = asked.map { asked in
            TokenBuckets.Charge(
                key: (isDegraded ? "share:" : "") + asked.policy.id + "|" + asked.key,
                cost: asked.cost,
                limit: isDegraded ? asked.policy.share(of: gateways) : asked.policy.limit)
        }
        let decisions = buckets.withLock { $0.take(charges, now: .now) }
        if decisions.allSatisfy(\.isAdmitted) { taken.memory += charges }
        return entries(asked, decisions, store: isDegraded ? "local_share" : "memory", isDegraded)
    }

    private func takeShared(
        _ asked: [Asked], into taken: inout Taken
    ) async throws(RedisError) -> [Entry] {
        guard let redis else { throw RedisError(.notConnected, "no Redis is configured") }
        let charges = asked.map(sharedCharge)
        let decisions = try await redis.take(charges)
        if decisions.allSatisfy(\.isAdmitted) { taken.redis += charges }
        return entries(asked, decisions, store: "redis", false)
    }

    private func entries(
        _ asked: [Asked], _ decisions: [TokenBucketDecision], store: String, _ isDegraded: Bool
    ) -> [Entry] {
        zip(asked, decisions).map { asked, decision in
            instruments.count(asked.policy, store: store, decision.isAdmitted ? "admitted" : "refused")
            return Entry(policy: asked.policy, decision: decision, isDegraded: isDegraded)
        }
    }

    /// RL-12: takes what it would take, and counts what it would refuse.
    private func count(_ shadow: Asked) async {
        let policy = shadow.policy
        let isAdmitted: Bool
        do throws(RedisError) {
            isAdmitted =
                policy.store == .memory
                ? takeShadow(shadow) : try await redis?.take([sharedCharge(shadow)])[0].isAdmitted ?? true
        } catch {
            // Ignored: a shadow that cannot count has nothing to say.
            return
        }
        instruments.count(
            policy, store: policy.store.rawValue, isAdmitted ? "admitted" : "would_refuse")
    }

    private func takeShadow(_ shadow: Asked) -> Bool {
        let charge = TokenBuckets.Charge(
            key: shadow.policy.id + "|" + shadow.key, cost: shadow.cost, limit: shadow.policy.limit)
        return buckets.withLock { $0.take([charge], now: .now)[0].isAdmitted }
    }

    private func sharedCharge(_ asked: Asked) -> TokenBuckets.Charge {
        TokenBuckets.Charge(
            key: RedisBuckets.key(asked.policy.id, asked.key), cost: asked.cost,
            limit: asked.policy.limit)
    }

    /// Undoes an admission whose request a later policy refused.
    func giveBack(_ taken: Taken) async {
        giveBackOwn(taken)
        if !taken.redis.isEmpty { await redis?.giveBack(taken.redis) }
    }

    private func giveBackOwn(_ taken: Taken) {
        guard !taken.memory.isEmpty else { return }
        buckets.withLock { $0.giveBack(taken.memory, now: .now) }
    }
}
