import Basics
import Glibc
import Sockets
import Synchronization
import Testing

/// A running loop that ends with the test.
@discardableResult
func withLoop<T>(_ body: (EventLoop) async throws -> T) async throws -> T {
    let loop = try EventLoop(name: "test")
    loop.start()
    defer {
        loop.stop()
        loop.join()
    }
    return try await body(loop)
}

/// Runs `body` on the loop and gives its value back.
@discardableResult
func onLoop<T: Sendable>(_ loop: EventLoop, _ body: @escaping @Sendable () throws -> T)
    async throws -> T
{
    let cell = OneShot<T>()
    loop.execute { cell.settle(Result { try body() }) }
    return try await cell.value()
}

struct NeverHappened: Error {}

/// Looks until `condition` holds, within a bound: a test that waits for ever says nothing.
func until(
    _ loop: EventLoop? = nil, within limit: Duration = .seconds(20),
    _ condition: () async throws -> Bool
) async throws {
    let end = ContinuousClock.now + limit
    while !(try await condition()) {
        guard ContinuousClock.now < end else { throw NeverHappened() }
        // Between two looks others get their turn, never instead of one.
        if let loop { try await loop.sleep(for: .milliseconds(1)) } else { await Task.yield() }
    }
}

/// Collects values in the order of their arrival; `wait` gives them once enough have come.
final class Collector<Value: Sendable>: Sendable {
    private let values = Mutex<[Value]>([])
    private let changed = AsyncSignal()

    func add(_ value: Value) {
        values.withLock { $0.append(value) }
        changed.raise()
    }

    var all: [Value] { values.withLock { $0 } }

    func wait(for count: Int) async throws -> [Value] {
        while all.count < count { try await changed.wait() }
        return all
    }
}

/// A pipe whose ends the test owns.
struct Pipe: ~Copyable {
    let reader: FileDescriptor
    let writer: FileDescriptor

    init() throws {
        var ends: [CInt] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw SocketError(.resourcesExhausted, "pipe")
        }
        reader = FileDescriptor(owning: ends[0])
        writer = FileDescriptor(owning: ends[1])
    }

    func write(_ text: String) {
        let count = Glibc.write(writer.number, text, text.utf8.count)
        precondition(count == text.utf8.count)
    }
}

/// A value that several threads change.
final class Guarded<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func callAsFunction() -> Value { value.withLock { $0 } }
    func change(_ body: (inout Value) -> Void) { value.withLock { body(&$0) } }
}
