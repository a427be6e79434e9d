import Foundation
import NativeServers
import Testing

/// deploy/native/install.sh on machines that lack one thing or another; apt-get only writes down
/// what it was asked for.
@Suite struct InstallScriptTests {
    private let machine: ScriptMachine

    private static let policy = "system/usr/sbin/policy-rc.d"

    /// A machine with everything that the services need, whose user is root.
    init() throws {
        machine = try ScriptMachine()
        for header in ["librdkafka/rdkafka.h", "hiredis/hiredis.h", "openssl/ssl.h", "yaml.h"] {
            try machine.file("usr/include/\(header)")
        }
        try machine.file("usr/lib/postgresql/15/bin/postgres")
        try machine.file("etc/os-release", "ID=debian\n")
        for name in ["redis-server", "pg_config", "pkg-config"] { try machine.program(name) }
        try machine.program("id", "echo 0")
        try machine.program("dpkg-query", "exit 1")
        try machine.program(
            "apt-get",
            """
            echo "apt-get $*" >> $MACHINE/log
            cat $MERCATO_INSTALL_ROOT/usr/sbin/policy-rc.d > $MACHINE/policy-meanwhile
            [ -e $MERCATO_INSTALL_ROOT/etc/postgresql-common/createcluster.d/mercato-install.conf ] || exit 9
            """)
    }

    /// A user who is not root, and a sudo that lets them.
    private func ordinaryUser() throws {
        try machine.program("id", "echo 1000")
        try machine.program(
            "sudo", #"echo "sudo $*" >> $MACHINE/log; [ "$1" = -n ] && shift; exec "$@""#)
    }

    private func remove(_ path: String) throws {
        try Folders.remove("\(machine.folder)/\(path)")
    }

    private var calls: [Substring] { (machine.text("log") ?? "").split(separator: "\n") }

    @Test func `with everything there nothing is installed, and nobody asks for root`() throws {
        try ordinaryUser()
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 0)
        #expect(outcome.output == "packages: all there\n")
        #expect(calls.isEmpty)
    }

    @Test func `only what is missing is installed, and said before`() throws {
        machine.removeProgram("redis-server")
        try remove("system/usr/include/hiredis")
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 0)
        #expect(outcome.output.hasPrefix("packages to install: redis-server libhiredis-dev\n"))
        #expect(outcome.output.contains("no server of theirs will be started"))
        #expect(outcome.output.hasSuffix("packages: installed\n"))
        #expect(calls.count == 1)
        #expect(
            calls.first?.hasSuffix("--no-install-recommends install redis-server libhiredis-dev")
                == true)
    }

    @Test func `an existing policy rests while packages are installed and comes back`() throws {
        machine.removeProgram("redis-server")
        try machine.file("usr/sbin/policy-rc.d", "the owner's own\n")
        #expect(try machine.run("install.sh").status == 0)
        #expect(machine.text("policy-meanwhile")?.contains("exit 101") == true)
        #expect(machine.text(Self.policy) == "the owner's own\n")
        #expect(!machine.exists(Self.policy + ".before-mercato"))
        #expect(!machine.exists("system/etc/postgresql-common"))
    }

    @Test func `an installation that fails takes everything back and is exit 3`() throws {
        machine.removeProgram("redis-server")
        try machine.file("usr/sbin/policy-rc.d", "the owner's own\n")
        try machine.program("apt-get", #"echo "apt-get $*" >> $MACHINE/log; exit 100"#)
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("apt-get could not install: redis-server"))
        #expect(machine.text(Self.policy) == "the owner's own\n")
        #expect(!machine.exists("system/etc/postgresql-common"))
    }

    @Test func `stale package lists are read again, once`() throws {
        machine.removeProgram("redis-server")
        try machine.program(
            "apt-get",
            #"""
            echo "apt-get $*" >> $MACHINE/log
            case "$*" in *update) : > $MACHINE/updated ;; *) [ -e $MACHINE/updated ] ;; esac
            """#)
        #expect(try machine.run("install.sh").status == 0)
        #expect(calls.count == 3)
        #expect(calls.dropFirst().first?.hasSuffix("update") == true)
        #expect(!machine.exists(Self.policy))
    }

    @Test func `an ordinary user installs through sudo, which never asks without a terminal`() throws {
        try ordinaryUser()
        machine.removeProgram("redis-server")
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 0)
        #expect(calls.count == 3)
        #expect(calls.first == "sudo -n true")
        #expect(calls.dropFirst().first?.hasSuffix("install.sh --as-root redis-server") == true)
        #expect(calls.last?.hasPrefix("apt-get") == true)
        #expect(!machine.exists(Self.policy))
    }

    @Test(arguments: [true, false])
    func `without a way to root the command to run as root is shown`(hasSudo: Bool) throws {
        try ordinaryUser()
        machine.removeProgram("redis-server")
        if hasSudo {
            try machine.program("sudo", "exit 1")
        } else {
            machine.removeProgram("sudo")
        }
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("apt-get install redis-server"))
        #expect(calls.isEmpty)
    }

    @Test func `tests want a browser and Prometheus on Debian`() throws {
        #expect(try machine.run("install.sh", "--tests").status == 0)
        #expect(calls.first?.hasSuffix("install chromium chromium-driver python3-selenium prometheus") == true)
    }

    @Test func `on Ubuntu, where the browser is a snap, the way to it is shown instead`() throws {
        try machine.file("etc/os-release", "ID=ubuntu\nID_LIKE=debian\n")
        let outcome = try machine.run("install.sh", "--tests")
        #expect(outcome.status == 0)
        #expect(outcome.output.contains("  sudo snap install chromium\n"))
        #expect(calls.first?.hasSuffix("install python3-selenium prometheus") == true)
        for name in ["chromium-browser", "chromium.chromedriver"] { try machine.program(name) }
        #expect(try !machine.run("install.sh", "--tests").output.contains("snap"))
    }

    @Test func `without apt-get everything that is needed is named`() throws {
        machine.removeProgram("apt-get")
        let outcome = try machine.run("install.sh")
        #expect(outcome.status == 3)
        #expect(outcome.errors.contains("PostgreSQL 15+, Redis"))
    }
}
