import Basics
import Redis
import Resilience

/// Token buckets in Redis, shared by all gateways: one key per bucket, one round trip (RL-7).
///
/// All buckets of one call belong to one principal, and the principal is the key's hash tag: in a
/// cluster they lie on one node, so several policies can take from all or from none (RL-3).
struct RedisBuckets: Sendable {
    let client: RedisClient

    /// KEYS: the buckets. ARGV: burst, refill, period in µs and cost of each.
    ///
    /// The value is the instant in µs at which the bucket is full again. The clock is Redis' own, so
    /// gateways need not agree on the time; `%.0f`, because Lua would print 14 digits and lose the
    /// microseconds; the time to live goes with the value in one command (RL-8). Answers, per bucket:
    /// admitted, remaining, ms until it would be, ms until full.
    static let take = RedisScript(
        """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        local answers, debts, admitted = {}, {}, true
        for i, key in ipairs(KEYS) do
          local burst, refill = tonumber(ARGV[4 * i - 3]), tonumber(ARGV[4 * i - 2])
          local period, cost = tonumber(ARGV[4 * i - 1]), tonumber(ARGV[4 * i])
          local step = period / refill
          local full = tonumber(redis.call('GET', key)) or now
          if full < now then full = now end
          local owed, wanted = full - now, full - now + cost * step
          local room = burst * step - wanted
          if room < 0 then
            admitted = false
            answers[i] = {0, math.floor((burst * step - owed) / step), math.ceil(-room / 1000),
              math.ceil(owed / 1000)}
          else
            debts[i] = wanted
            answers[i] = {1, math.floor(room / step), 0, math.ceil(wanted / 1000)}
          end
        end
        if admitted then
          for i, key in ipairs(KEYS) do
            redis.call('SET', key, string.format('%.0f', now + debts[i]), 'PX',
              math.ceil(debts[i] / 1000) + 1000)
          end
        end
        return answers
        """)

    /// KEYS: the buckets. ARGV: µs to give back to each.
    static let giveBack = RedisScript(
        """
        local clock = redis.call('TIME')
        local now = clock[1] * 1000000 + clock[2]
        for i, key in ipairs(KEYS) do
          local full = tonumber(redis.call('GET', key))
          if full then
            local left = full - now - tonumber(ARGV[i])
            if left > 0 then
              redis.call('SET', key, string.format('%.0f', now + left), 'PX', math.ceil(left / 1000) + 1000)
            else
              redis.call('DEL', key)
            end
          end
        end
        return 1
        """)

    /// The key of a policy's bucket for a principal.
    static func key(_ policy: String, _ principal: String) -> String { "rl:{\(principal)}:\(policy)" }

    /// Takes from all or from none; the decisions in the charges' order.
    func take(_ charges: [TokenBuckets.Charge]) async throws(RedisError) -> [TokenBucketDecision] {
        let reply = try await client.evaluate(
            Self.take, keys: charges.map(\.key),
            arguments: charges.flatMap { charge in
                [
                    charge.limit.burst, charge.limit.refill,
                    Int(clamping: charge.limit.period.inMicroseconds), charge.cost,
                ].map { String($0) }
            })
        guard case .array(let answers) = reply, answers.count == charges.count else {
            throw RedisError(.refused, "the script gave another kind of answer")
        }
        var decisions: [TokenBucketDecision] = []
        for answer in answers {
            guard case .array(let parts) = answer, parts.count == 4 else {
                throw RedisError(.refused, "the script gave another kind of answer")
            }
            let numbers = parts.map { $0.integer ?? 0 }
            decisions.append(
                TokenBucketDecision(
                    isAdmitted: numbers[0] == 1, remaining: Int(clamping: max(0, numbers[1])),
                    wait: .milliseconds(max(0, numbers[2])),
                    untilFull: .milliseconds(max(0, numbers[3]))))
        }
        return decisions
    }

    /// Undoes a `take` whose request was refused elsewhere (RL-3).
    func giveBack(_ charges: [TokenBuckets.Charge]) async {
        do throws(RedisError) {
            _ = try await client.evaluate(
                Self.giveBack, keys: charges.map(\.key),
                arguments: charges.map { charge in
                    let step = Double(charge.limit.period.inMicroseconds) / Double(charge.limit.refill)
                    return String(Int64((step * Double(charge.cost)).rounded()))
                })
        } catch {
            // Ignored: counted by the client; the bucket fills by itself, a little later.
        }
    }
}
