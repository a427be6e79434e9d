import Foundation
import Glibc
import NativeServers
import Support

/// A machine of a few scripts in a scratch folder, for the scripts of deploy/native: `bin` is all of
/// its PATH, `system` is its root folder.
struct ScriptMachine {
    let folder: String

    /// What the scripts take for granted on any system.
    private static let common = [
        "bash", "sh", "cat", "chmod", "dirname", "env", "grep", "head", "id", "mkdir", "mv", "rm",
        "rmdir", "sed", "setsid", "sleep", "true", "uname",
    ]

    static let scripts = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "deploy/native").path

    init() throws {
        folder = try ScratchFolder.make("machine")
        for part in ["bin", "system/usr/sbin", "system/usr/include", "system/etc"] {
            try Folders.make("\(folder)/\(part)", mode: 0o755)
        }
        for name in Self.common {
            guard let path = Command.find(name, path: "/usr/bin:/bin") else { continue }
            symlink(path, "\(folder)/bin/\(name)")
        }
    }

    /// Puts a program on PATH in place of any other of its name.
    func program(_ name: String, _ script: String = "exit 0") throws {
        let file = "\(folder)/bin/\(name)"
        unlink(file)
        try "#!/bin/sh\n\(script)\n".write(toFile: file, atomically: false, encoding: .utf8)
        chmod(file, 0o755)
    }

    func removeProgram(_ name: String) { unlink("\(folder)/bin/\(name)") }

    /// A file below the machine's root folder.
    func file(_ path: String, _ text: String = "") throws {
        let place = URL(filePath: "\(folder)/system/\(path)")
        try Folders.make(place.deletingLastPathComponent().path, mode: 0o755)
        try text.write(to: place, atomically: false, encoding: .utf8)
    }

    func text(_ path: String) -> String? { Folders.text(of: "\(folder)/\(path)") }

    func exists(_ path: String) -> Bool { access("\(folder)/\(path)", F_OK) == 0 }

    /// Nothing of the caller's environment gets in.
    var environment: [String: String] {
        [
            "PATH": folder + "/bin", "HOME": folder, "LANG": "C.UTF-8", "MACHINE": folder,
            "MERCATO_INSTALL_ROOT": folder + "/system", "MERCATO_BUILD": folder + "/build",
        ]
    }

    func run(_ script: String, _ arguments: String...) throws -> Command.Outcome {
        try Command.run(
            "\(folder)/bin/bash", ["\(Self.scripts)/\(script)"] + arguments,
            environment: environment, limit: .seconds(60))
    }
}
