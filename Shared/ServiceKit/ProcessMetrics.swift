import Basics
import Glibc
import Sockets
import Telemetry

/// Numbers about the process itself, with the names Prometheus' client libraries use.
enum ProcessMetrics {
    /// Registers them; they are read at each rendering.
    static func register(in metrics: MetricsRegistry, service: String) {
        metrics.gauge(
            "service_info", help: "Always 1; the labels say what runs.",
            labels: ["service": service, "version": ProgramVersion.text]
        ).set(1)
        metrics.counter(
            "process_cpu_seconds_total", help: "User and system time spent, in seconds.",
            reading: processorSeconds)
        metrics.gauge(
            "process_start_time_seconds", help: "Start of the process in seconds since 1970."
        ).set(Double(WallTime.now().microseconds) / 1e6)
        metrics.gauge("process_max_fds", help: "Most file descriptors the process may have open.")
            .set(Double(descriptorLimit()))
        let resident = metrics.gauge(
            "process_resident_memory_bytes", help: "Resident memory size in bytes.")
        let descriptors = metrics.gauge("process_open_fds", help: "Open file descriptors.")
        metrics.beforeRender {
            if let bytes = residentBytes() { resident.set(Double(bytes)) }
            if let count = openDescriptors() { descriptors.set(Double(count)) }
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

    /// The entries of `/proc/self/fd` without `.`, `..` and the one that reads them.
    static func openDescriptors() -> Int? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var entries = 0
        while readdir(folder) != nil { entries += 1 }
        return max(0, entries - 3)
    }

    private static func descriptorLimit() -> UInt {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? UInt(limit.rlim_cur) : 0
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
    /// From a quiet loop to one that hangs, in seconds.
    static let buckets = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
    ]

    let name = "loop-lag-probe"
    let loop: EventLoop
    let lateness: Histogram

    init(_ context: ServiceContext) {
        loop = context.loop
        lateness = context.metrics.histogram(
            "event_loop_lag_seconds", help: "Lateness of a timer, measured twice a second.",
            buckets: Self.buckets)
    }

    func run() async throws {
        while true {
            let planned = MonotonicInstant.now.advanced(by: Self.interval)
            try await loop.sleep(for: Self.interval)
            lateness.observe(max(.zero, planned.duration(to: .now)))
        }
    }
}
