import Sockets

/// A port of this service is taken. Printed at the end of the process; exit code 4.
struct PortInUse: ExitCoded, CustomStringConvertible {
    /// The variable that sets the port, for example `MERCATO_PORT_ORDER`.
    let key: String
    let port: Int
    /// Nil when whoever it was has let go of it meanwhile.
    let holder: PortHolder?

    var exitCode: Int32 { ExitCode.portInUse }

    var description: String {
        let who = holder?.description ?? "a process that has ended meanwhile"
        return "\(key): port \(port) is in use by \(who)"
    }
}

/// The error of a program whose port is taken, naming who holds it; exit code 4.
package func portInUse(_ port: Int, key: String) -> any ExitCoded {
    PortInUse(key: key, port: port, holder: PortHolder.find(port))
}
