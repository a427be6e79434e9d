import Configuration
import Support
import Synchronization
import Testing

@testable import PaymentService

@Suite struct PaymentConfigurationTests {
    @Test func `without any setting the defaults of the design hold`() throws {
        let configuration = try PaymentConfiguration(EnvironmentReader([:]))
        #expect(configuration.concurrency == 32)
        #expect(configuration.lease == .seconds(10) && configuration.leaseRenewal == .seconds(3))
        #expect(configuration.retryBase == .seconds(1) && configuration.retryCap == .seconds(15))
        #expect(configuration.apiPort == 8104 && configuration.operationsPort == 8204)
    }

    @Test(arguments: [
        ("MERCATO_PAYMENT_LEASE_RENEWAL_MS", "6000"), ("MERCATO_PAYMENT_RETRY_MS", "20000"),
        ("MERCATO_PAYMENT_CONCURRENCY", "0"), ("MERCATO_PROVIDER_TIMEOUT_MS", "soon"),
    ])
    func `a setting that contradicts another or its range is named`(key: String, value: String) {
        let error = #expect(throws: ConfigurationError.self) {
            _ = try PaymentConfiguration(EnvironmentReader([key: value]))
        }
        #expect(error?.key == key)
    }
}

@Suite struct FailpointsTests {
    @Test func `only an armed place strikes, and off disarms it`() throws {
        let struck = Mutex<[Failpoints.Action]>([])
        let failpoints = Failpoints(logger: QuietLog.logger()) { action in
            struck.withLock { $0.append(action) }
        }
        failpoints.hit(.afterAnswer)
        try failpoints.arm("F9=kill,F8=stop")
        failpoints.hit(.afterAnswer)
        failpoints.hit(.beforeCall)
        try failpoints.arm("F9", "off")
        failpoints.hit(.afterAnswer)
        #expect(struck.withLock { $0 } == [.kill, .stop])
        #expect(failpoints.summary == ["F8": "stop", "F9": "off"])
    }

    @Test(arguments: ["F7=kill", "F9", "F9=explode", "nonsense"])
    func `an unknown place or action is refused`(text: String) {
        #expect(throws: Failpoints.Invalid.self) {
            try Failpoints(logger: QuietLog.logger()).arm(text)
        }
    }
}
