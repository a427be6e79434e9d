import Glibc
import Testing

@testable import Sockets

@Suite(.timeLimit(.minutes(1)))
struct WatchTests {
    @Test func `a watch is told about readiness until it is cancelled`() async throws {
        try await withLoop { loop in
            let pipe = try Pipe()
            let number = pipe.reader.number
            let seen = Collector<Readiness>()
            let watch = try await onLoop(loop) {
                try loop.watch(number, .readable) { seen.add($0) }
            }
            pipe.write("x")
            // Level-triggered: nobody reads, so it is told again.
            let told = try await seen.wait(for: 3)
            #expect(Set(told) == [.readable])
            try await onLoop(loop) { loop.cancel(watch) }
            let count = seen.all.count
            for _ in 0..<5 { try await onLoop(loop) {} }
            #expect(seen.all.count == count)
        }
    }

    @Test func `a watch without interest is silent and can be woken again`() async throws {
        try await withLoop { loop in
            let pipe = try Pipe()
            let number = pipe.reader.number
            let seen = Collector<Readiness>()
            pipe.write("x")
            let watch = try await onLoop(loop) { try loop.watch(number, []) { seen.add($0) } }
            for _ in 0..<5 { try await onLoop(loop) {} }
            #expect(seen.all.isEmpty)
            try await onLoop(loop) { loop.update(watch, .readable) }
            _ = try await seen.wait(for: 1)
            try await onLoop(loop) {
                loop.update(watch, [])
                loop.cancel(watch)
            }
        }
    }

    @Test func `a second watch of a live descriptor is refused`() async throws {
        try await withLoop { loop in
            let pipe = try Pipe()
            let number = pipe.reader.number
            let watch = try await onLoop(loop) { try loop.watch(number, .readable) { _ in } }
            await #expect(throws: SocketError.self) {
                _ = try await onLoop(loop) { try loop.watch(number, .readable) { _ in } }
            }
            try await onLoop(loop) { loop.cancel(watch) }
        }
    }

    @Test func `an old watch does nothing to the next owner of its descriptor number`()
        async throws
    {
        try await withLoop { loop in
            let seen = Collector<String>()
            // A number at the end of the table: the kernel gives out the lowest free one, so no
            // other test of this process can take it in between.
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let lowest = CInt(clamping: min(limit.rlim_cur, 1 << 20)) - 64
            let (old, number) = try await { () async throws -> (Watch, CInt) in
                let pipe = try Pipe()
                let copy = FileDescriptor(owning: fcntl(pipe.reader.number, F_DUPFD, lowest))
                let number = copy.number
                let old = try await onLoop(loop) {
                    try loop.watch(number, .readable) { _ in seen.add("old") }
                }
                return (old, number)
            }()
            // The copy is closed now. Take its number for the reader of a new pipe.
            let next = try Pipe()
            #expect(dup2(next.reader.number, number) == number)
            let successor = FileDescriptor(owning: number)
            let new = try await onLoop(loop) {
                try loop.watch(number, .readable) { _ in seen.add("new") }
            }
            #expect(old != new)
            try await onLoop(loop) {
                loop.update(old, [])
                loop.cancel(old)
            }
            next.write("x")
            let first = try await seen.wait(for: 1)[0]
            #expect(first == "new")
            try await onLoop(loop) { loop.cancel(new) }
            #expect(!seen.all.contains("old"))
            _ = successor.number
        }
    }

    @Test func `an event fetched for an old generation reaches nobody`() {
        var table = WatchTable()
        let old = table.nextWatch(for: 7)
        table.insert(.init(watch: old, interest: .readable) { _ in })
        let new = table.nextWatch(for: 7)
        table.insert(.init(watch: new, interest: .readable) { _ in })
        #expect(table.entry(Watch(packed: old.packed)) == nil)
        #expect(table.entry(Watch(packed: new.packed)) != nil)
        #expect(table.remove(old) == nil)
        #expect(table.remove(new) != nil)
    }

    @Test func `cancelling in one handler silences another of the same batch`() async throws {
        try await withLoop { loop in
            let first = try Pipe()
            let second = try Pipe()
            let numbers = [first.reader.number, second.reader.number]
            let seen = Collector<Int>()
            first.write("x")
            second.write("x")
            try await onLoop(loop) {
                let watches = Collector<Watch>()
                for (index, number) in numbers.enumerated() {
                    watches.add(
                        try loop.watch(number, .readable) { _ in
                            seen.add(index)
                            watches.all.forEach { loop.cancel($0) }
                        })
                }
            }
            _ = try await seen.wait(for: 1)
            for _ in 0..<5 { try await onLoop(loop) {} }
            #expect(seen.all.count == 1)
        }
    }

    @Test func `a wake descriptor signalled from another thread is seen, and drained once`()
        async throws
    {
        try await withLoop { loop in
            let wake = try WakeDescriptor()
            let seen = Collector<Readiness>()
            let watch = try await onLoop(loop) {
                try loop.watch(wake.descriptor, .readable) {
                    wake.drain()
                    seen.add($0)
                }
            }
            wake.signal()
            let told = try await seen.wait(for: 1)
            #expect(told == [.readable])
            try await onLoop(loop) { loop.cancel(watch) }
        }
    }
}
