import Testing

/// Every rule must catch what it is made for, and leave alone what only looks like it.
@Suite struct RuleTests {
    private let table = ImportTable(
        markdown: """
            | Module | may import |
            |---|---|
            | `*` | Foundation |
            | Basics | – |
            | HTTP | Basics |
            | CartService, OrderService | HTTP, Basics |
            | *Main | *Service, ServiceKit |

            | Other | table |
            | Basics | HTTP |
            """)

    private func lines(_ violations: [Violation]) -> [Int] {
        violations.compactMap(\.line).sorted()
    }

    private func source(_ text: String, at path: String = "Shared/HTTP/A.swift") -> SwiftSource {
        SwiftSource(path: path, text)
    }

    // MARK: Reading Swift

    @Test func `comments, literals and quoted names are no code`() {
        let read = source(
            #"""
            let a = 1 // two "three
            let b = "four // \(five + "six") seven"; eight()
            /* nine /* ten */ eleven */ let twelve = #"thirteen " \(no)"#
            let c = """
                fourteen " fifteen
                """; func `sixteen { "`() { seventeen() }
            """#)
        let code = String(decoding: read.code.bytes, as: UTF8.self)
        for word in ["five", "eight", "twelve", "seventeen", "let c"] {
            #expect(code.contains(word), "\(word) is code")
        }
        for word in ["two", "three", "four", "six", "seven\"", "ten", "eleven", "no", "fifteen"] {
            #expect(!code.split { !$0.isLetter }.contains(Substring(word)), "\(word) is no code")
        }
        #expect(String(decoding: read.comments.bytes, as: UTF8.self).contains("ten"))
        #expect(read.code.bytes.count == read.raw.bytes.count)
        #expect(read.code.lineStarts == read.raw.lineStarts)
    }

    // MARK: Imports

    @Test func `every form of an import is seen`() {
        let found = imports(
            of: source(
                """
                import Basics
                package import HTTP
                @testable import Cart
                import struct Foundation.Date
                // import Commented
                let text = "import Quoted"
                """))
        #expect(found.map(\.module) == ["Basics", "HTTP", "Cart", "Foundation"])
        #expect(found.map(\.line) == [1, 2, 3, 4])
    }

    @Test func `an import against the table is reported with its line`() {
        let found = ImportRules.table(
            [
                source("import Foundation\nimport Basics\ninternal import Sockets"),
                source("import HTTP", at: "Services/Cart/Routes/A.swift"),
                source("import CartService\nimport ServiceKit", at: "Services/Cart/Main/A.swift"),
                source("import Anything", at: "Tests/HTTPTests/A.swift"),
            ], table)
        #expect(
            found.map(\.description) == [
                "Shared/HTTP/A.swift:3: HTTP may not import Sockets (docs/architecture.md)"
            ])
    }

    @Test func `a main sees its own service only`() {
        let found = ImportRules.table(
            [source("import OrderService", at: "Services/Cart/Main/A.swift")], table)
        #expect(lines(found) == [1])
    }

    @Test func `a service may not import another one`() throws {
        let found = ImportRules.table(
            [source("import OrderService", at: "Services/Cart/A.swift")], table)
        #expect(try #require(found.first).message.contains("imports the service"))
    }

    @Test func `a module without a row, and a row without a module, are reported`() {
        #expect(ImportRules.table([source("", at: "Shared/New/A.swift")], table).count == 1)
        let found = ImportRules.complete(table, modules: ["Basics", "HTTP", "CartService", "New"])
        #expect(
            found.map(\.message) == [
                "row OrderService names no module of the tree", "no row for module New",
            ])
    }

    @Test func `a second importer of a C module is reported, and one without any`() {
        let one = source("import CPostgres", at: "Shared/Postgres/A.swift")
        let two = source("import CPostgres", at: "Shared/Redis/A.swift")
        #expect(ImportRules.oneImporter([one, one], cModules: ["CPostgres"]).isEmpty)
        #expect(ImportRules.oneImporter([one, two], cModules: ["CPostgres"]).count == 2)
        #expect(ImportRules.oneImporter([one], cModules: ["CRedis"]).count == 1)
    }

    @Test func `the manifest is read, and its extra dependency reported`() {
        let manifest = Manifest(
            """
            func shared(_ name: String, _ list: [String] = []) -> Target { .target(name: name) }
            let durable = ["HTTP", "Basics"]
            targets = [shared("Basics"), shared("HTTP", ["Basics", "Sockets"], sql: true)]
            targets += service("Cart", durable + ["Redis"], embeds: ["Migrations"])
            targets += [.target(name: "Native", dependencies: names(["Basics"]), path: "Services/N")]
            """)
        #expect(
            manifest.dependencies == [
                "Basics": [], "HTTP": ["Basics", "Sockets"],
                "CartService": ["HTTP", "Basics", "Redis"],
                "CartMain": ["CartService", "ServiceKit"], "Native": ["Basics"],
            ])
        #expect(
            ImportRules.manifest(manifest, table).map(\.message) == [
                "CartService depends on Redis, which docs/architecture.md does not allow",
                "HTTP depends on Sockets, which docs/architecture.md does not allow",
                "Native depends on Basics, which docs/architecture.md does not allow",
            ])
    }

    // MARK: Words

    @Test func `banned words are found, their look-alikes are not`() {
        let found = TokenRules.check([
            source(
                """
                let a = try! b()
                print("x")
                fingerprint(x); log.print(x)
                try await Task.sleep(for: x)
                usleep(3); sleep(1); Thread.sleep(1)
                try await loop.sleep(for: x); func sleep(for: Int) {}
                fatalError("x")
                public func f() {}
                let publicly = "public try! print("
                // public try! print(
                """)
        ])
        #expect(lines(found) == [1, 2, 4, 5, 5, 5, 7, 8])
    }

    @Test func `print belongs to the command line`() {
        let text = "print(1)"
        #expect(TokenRules.check([source(text, at: "Services/Mercatoctl/A/A.swift")]).isEmpty)
        #expect(TokenRules.check([source(text, at: "Services/Order/Main/A.swift")]).isEmpty)
        #expect(TokenRules.check([source(text, at: "Services/Order/A.swift")]).count == 1)
    }

    @Test func `forced unwrapping is found, negation and comparison are not`() {
        let found = TokenRules.check([
            source(
                """
                let a = b!
                let c = d()! + e[0]!
                if !f, g != h, i!=j { k(!l) }
                var m: Int!
                """)
        ])
        #expect(lines(found) == [1, 2, 2, 4])
    }

    @Test func `notes to oneself are found in any file`() {
        for note in TokenRules.notes {
            let text = Text(path: "docs/a.md", "one\n(\(note): later)")
            #expect(lines(TokenRules.notes([text])) == [2])
        }
        #expect(TokenRules.notes([Text(path: "a.md", "XX" + "XX, TO" + "DOS")]).isEmpty)
    }

    // MARK: Reasons

    @Test func `what the compiler cannot check needs a reason near it`() {
        let found = ReasonRules.check([
            source(
                """
                final class A: @unchecked Sendable {}
                // Reason: a lock guards it.
                final class B: @unchecked Sendable {}
                let one = 1


                nonisolated(unsafe) var c = 1
                Task { await d() }
                Task(priority: .high) { await d() }
                Task<Void, Never> { await d() }
                Task.detached { await d() }
                Task.immediate(executorPreference: loop) { await d() }
                let e: Task<Void, Never>? = nil
                if Task.isCancelled { return }
                func f() -> Task<Int, Never> { one }
                """)
        ])
        #expect(lines(found) == [1, 7, 8, 9, 10, 11, 12])
    }

    @Test func `tests may create tasks and expect failures`() {
        let text = "Task { await d() }\n#expect((try? e()) == nil)\nclass A: @unchecked Sendable {}"
        #expect(lines(ReasonRules.check([source(text, at: "Tests/HTTPTests/A.swift")])) == [3])
        #expect(lines(ReasonRules.check([source(text)])) == [1, 2, 3])
    }

    @Test func `a reason of several lines counts as a whole`() {
        let found = ReasonRules.check([
            source(
                """
                // Reason: one
                // two
                // three
                // four
                // five
                Task { await d() }
                """)
        ])
        #expect(found.isEmpty)
    }

    @Test func `dropped errors need a comment near them`() {
        let found = ReasonRules.check([
            source(
                """
                let a = try? b()



                do { try c() } catch {}



                do { try d() } catch let error as E {
                }



                // Ignored: the file may be gone.
                let e = try? f()
                do { try g() } catch { h(error) }
                do { try i() } catch {
                    // Ignored: closing twice is fine.
                }
                """)
        ])
        #expect(lines(found) == [1, 5, 9])
    }

    // MARK: Size and documentation

    @Test func `a file that is too long is reported, and one that grew`() {
        let long = source(String(repeating: "let a = 1\n", count: SizeRules.fileLimit + 5))
        #expect(SizeRules.check([long], [:]).count == 1)
        let path = long.path
        #expect(SizeRules.check([long], SizeRules.ratchet("# why\nfile 405 \(path)")).isEmpty)
        #expect(SizeRules.check([long], SizeRules.ratchet("file 404 \(path)")).count == 1)
        #expect(SizeRules.stale(["file gone.swift": 500], paths: [path]).count == 1)
    }

    @Test func `functions are measured with their braces`() {
        let found = SizeRules.functions(
            of: source(
                """
                protocol A {
                    func one() -> Int
                    func two(_ x: () -> Int)
                    init(three: Int)
                }
                func four(a: () -> Void = { }) -> [Int] {
                    if true { "}" }
                    return [.init()]
                }
                init() { five() }
                @Test func `a "name" {`() async throws
                {
                }
                """))
        #expect(found.map(\.name) == ["four", "a \"name\" {", "init"])
        #expect(found.map(\.lines) == [4, 3, 1])
    }

    @Test func `a function that is too long is reported, and one that grew`() {
        let body = String(repeating: "    call()\n", count: 70)
        let long = source("func f() {\n\(body)}\n")
        #expect(lines(SizeRules.check([long], [:])) == [1])
        #expect(SizeRules.check([long], ["function \(long.path) f": 72]).isEmpty)
        #expect(SizeRules.check([long], ["function \(long.path) f": 71]).count == 1)
    }

    @Test func `shared declarations without a comment are counted against the baseline`() {
        let file = source(
            """
            package import Basics
            /// Says what.
            package struct A {
                package let b: Int
                /// Says what.
                @discardableResult
                package static func c() {}
                package nonisolated func d() {}
                static package func e() {}
                package var description: String { "" }
                package init(b: Int) { self.b = b }
                package var f: Int { b }
            }
            """)
        #expect(lines(DocumentationRules.check([file], [:])) == [8, 9, 12])
        #expect(DocumentationRules.check([file], DocumentationRules.baseline("HTTP 3")).isEmpty)
        #expect(!DocumentationRules.check([file], DocumentationRules.baseline("HTTP 2")).isEmpty)
    }

    // MARK: The tree

    @Test func `a folder without README is reported`() {
        let found = TreeRules.readmes(
            folders: ["Shared/A", "Shared/B"], paths: ["Shared/A/README.md"])
        #expect(found.map(\.path) == ["Shared/B"])
    }

    @Test func `a migration that nobody embeds is reported`() {
        let found = TreeRules.migrations(
            paths: ["Shared/A/Migrations/m1_a.sql", "Shared/A/Migrations/m1_b.sql"],
            [source("let a = PackageResources.m1_a_sql")])
        #expect(found.map(\.path) == ["Shared/A/Migrations/m1_b.sql"])
    }

    @Test func `paths of one machine and hosts of one network are found`() {
        for (token, _) in TreeRules.foreign {
            #expect(lines(TreeRules.machines([Text(path: "Makefile", "a\nb \(token)c")])) == [2])
        }
        #expect(
            TreeRules.machines([Text(path: "a.sh", "cat /tmp/x http://127.0.0.1:8080/")]).isEmpty)
    }

    @Test func `a link to nothing is reported, others are followed`() {
        let page = Text(
            path: "docs/patterns/a.md",
            """
            [up](../b.md#part) [beside](c.md) [root](../../Shared/A) [web](https://swift.org) [here](#x)
            [gone](d.md)
            ```
            [code](e.md)
            ```
            [out](../../../f.md)
            """)
        let found = TreeRules.links([page], paths: ["docs/b.md", "docs/patterns/c.md", "Shared/A"])
        #expect(lines(found) == [2, 6])
    }
}
