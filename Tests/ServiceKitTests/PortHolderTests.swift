import Testing

@testable import ServiceKit

@Suite struct PortHolderTests {
    static let table = """
          sl local remote st queue timer retry uid timeout inode
           0: 0100007F:1FA6 00000000:0000 0A 0:0 00:0 0 0 0 4711 1
           1: 0100007F:1FA6 0100007F:C001 01 0:0 00:0 0 0 0 4712 1
           2: 00000000:0016 00000000:0000 0A 0:0 00:0 0 0 0 4713 1
        """

    @Test func `only a listening socket of the port counts`() {
        #expect(PortHolder.listeners(in: Self.table, port: 0x1fa6) == ["4711"])
        #expect(PortHolder.listeners(in: Self.table, port: 22) == ["4713"])
        #expect(PortHolder.listeners(in: Self.table, port: 23) == [])
        #expect(PortHolder.listeners(in: "header\nshort line", port: 23) == [])
    }

    @Test func `the message names variable, port and process`() {
        let taken = PortInUse(
            key: "MERCATO_PORT_ORDER", port: 8102, holder: PortHolder(pid: 7, command: "redis x"))
        #expect(
            taken.description == "MERCATO_PORT_ORDER: port 8102 is in use by process 7 (redis x)")
        #expect(taken.exitCode == 4)
    }
}
