import Foundation
import Glibc
import NativeServers
import Support

@testable import Mercatoctl

/// A folder that is all of PATH, with scripts in the place of `docker` and `kubectl`. Each script
/// writes its words to `calls` before it does anything.
struct FakeTools {
    let folder: String

    init() throws {
        folder = try ScratchFolder.make("tools")
        try Folders.make(folder + "/bin", mode: 0o755)
    }

    func program(_ name: String, _ script: String) throws {
        let file = "\(folder)/bin/\(name)"
        unlink(file)
        let text = "#!/bin/sh\necho \"\(name) $*\" >>\(folder)/calls\n\(script)\n"
        try text.write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, 0o755)
    }

    /// Docker with one running project: a gateway on 18080 and 18081, and a Jaeger.
    func docker(jaeger: Bool = true) throws {
        let gateway = "gateway\\t\(folder)\\t127.0.0.1:18080->8080/tcp, 127.0.0.1:18081->8081/tcp"
        let other = "jaeger\\t\(folder)\\t4317/tcp, 127.0.0.1:26686->16686/tcp"
        try program("docker", "printf '\(gateway)\\n\(jaeger ? other + "\\n" : "")'")
    }

    /// A cluster with one release; its forwards accept connections as kubectl's do.
    func kubectl(token: String? = "s3cret") throws {
        let services = """
            {"items":[{"metadata":{"name":"mercato-gateway"},"spec":{"ports":[\
            {"name":"api","port":80,"targetPort":"api"}]}},\
            {"metadata":{"name":"mercato-gateway-admin"},"spec":{"ports":[{"name":"ops","port":8081,"targetPort":"ops"}]}},\
            {"metadata":{"name":"mercato-jaeger"},"spec":{"ports":[{"port":16686}]}},\
            {"metadata":{"name":"mercato-order"},"spec":{"ports":[{"name":"http","port":8102}]}}]}
            """
        let encoded = token.map { Data($0.utf8).base64EncodedString() } ?? ""
        let listener = """
            import socket,sys
            s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", int(sys.argv[1]))); s.listen(8)
            while True: s.accept()[0].close()
            """
        try listener.write(toFile: folder + "/listen.py", atomically: false, encoding: .utf8)
        try program(
            "kubectl",
            """
            case "$*" in
            *"get services"*) echo '\(services)' ;;
            *"get secret"*) printf '\(encoded)' ;;
            *port-forward*)
                for word in "$@"; do case $word in *:*) port=${word%%:*} ;; esac; done
                echo $$ >>\(folder)/pids
                exec /usr/bin/python3 \(folder)/listen.py "$port" ;;
            esac
            """)
    }

    var calls: [String] {
        (Folders.text(of: folder + "/calls") ?? "").split(separator: "\n").map(String.init)
    }

    /// The processes of all port forwards so far.
    var forwards: [pid_t] {
        (Folders.text(of: folder + "/pids") ?? "").split(separator: "\n").compactMap { pid_t($0) }
    }

    func settings(_ more: [String: String] = [:]) throws -> StackSettings {
        let own = ["PATH": folder + "/bin", "HOME": folder, "MERCATO_HOME": folder + "/home"]
        return try StackSettings(own.merging(more) { $1 })
    }
}
