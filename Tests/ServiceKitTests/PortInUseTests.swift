import Sockets
import Testing

@testable import ServiceKit

@Suite struct PortInUseTests {
    private func taken(_ holder: PortHolder?) -> PortInUse {
        PortInUse(key: "MERCATO_PORT_ORDER", port: 8102, holder: holder)
    }

    @Test func `the message names variable, port and process`() {
        let error = taken(PortHolder(port: 8102, pid: 7, name: "redis-server"))
        #expect(
            error.description
                == "MERCATO_PORT_ORDER: port 8102 is in use by redis-server (pid 7)")
        #expect(error.exitCode == 4)
    }

    @Test func `a holder that cannot be seen is described, not guessed`() {
        #expect(
            taken(PortHolder(port: 8102, pid: nil, name: nil)).description
                .hasSuffix("by another user's process (run as root to see which)"))
        #expect(taken(nil).description.hasSuffix("by a process that has ended meanwhile"))
    }
}
