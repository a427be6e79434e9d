import Basics
import Glibc
import Sockets
import Telemetry

/// Numbers about the process itself, with the names Prometheus' client libraries use.
enum ProcessMetrics {
    /// Registers the gauges; they are read at each rendering.
    static func register(in metrics: MetricsRegistry) {
        let resident = metrics.gauge(
            "process_resident_memory_bytes", help: "Resident memory size in bytes.")
        let processor = metrics.gauge(
            "process_cpu_seconds_total", help: "User and system time spent, in seconds.")
        let started = metrics.gauge(
            "process_start_time_seconds", help: "Start of the process in seconds since 1970.")
        started.set(Double(WallTime.now().microseconds) / 1e6)
        metrics.beforeRender {
            if let bytes = residentBytes() { resident.set(Double(bytes)) }
            processor.set(processorSeconds())
        }
    }

    /// The second number of `/proc/self/statm`, in pages.
    static func residentBytes() -> Int? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { _ = close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let numbers = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
        guard numbers.count > 1, let pages = Int(numbers[1]) else { return nil }
        return pages * Int(sysconf(CInt(_SC_PAGESIZE)))
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// Measures how late the event loop runs its timers: the time every request waits for the thread.
struct LoopLagProbe: LongRunning {
    /// Time between two measurements.
    static let interval: Duration = .milliseconds(500)

    let name = "loop-lag-probe"
    let loop: EventLoop
    let gauge: Gauge
    let longest: Gauge

    init(_ context: ServiceContext) {
        loop = context.loop
        gauge = context.metrics.gauge(
            "event_loop_lag_seconds", help: "Lateness of the loop's last probe timer.")
        longest = context.metrics.gauge(
            "event_loop_lag_max_seconds", help: "Greatest lateness seen since the start.")
    }

    func run() async throws {
        while true {
            let planned = ContinuousClock.now.advanced(by: Self.interval)
            try await loop.sleep(for: Self.interval)
            let lag = max(0, planned.duration(to: .now).inSeconds)
            gauge.set(lag)
            if lag > longest.value { longest.set(lag) }
        }
    }
}
