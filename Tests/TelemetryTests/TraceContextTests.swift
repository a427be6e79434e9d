import Basics
import Testing

@testable import Telemetry

@Suite struct TraceContextTests {
    static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    static let span = "00f067aa0ba902b7"
    static let good = "00-\(trace)-\(span)-01"

    @Test func `a good traceparent is read and written back (TC-1)`() throws {
        let context = try #require(TraceContext(traceparent: Self.good))
        #expect(context.traceparent == Self.good)
        #expect(context.traceIDText == Self.trace)
        #expect(context.isSampled)
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-01-extra", "ff-\(trace)-\(span)-01",
        "00-\(trace.uppercased())-\(span)-01", "00-00000000000000000000000000000000-\(span)-01",
        "00-\(trace)-0000000000000000-01", "00-\(trace)-\(span)-0x", "0-\(trace)-\(span)-01",
        "00_\(trace)-\(span)-01", "cc-\(trace)-\(span)-01.what", " 00-\(trace)-\(span)-01",
    ])
    func `a bad traceparent is refused (TC-1)`(text: String) {
        #expect(TraceContext(traceparent: text) == nil)
    }

    @Test(arguments: ["cc-\(trace)-\(span)-01", "cc-\(trace)-\(span)-01-what-the-future-will-be"])
    func `a higher version is read as 00 (TC-1)`(text: String) throws {
        #expect(try #require(TraceContext(traceparent: text)).traceparent == Self.good)
    }

    @Test func `two traceparent lines are refused (TC-1)`() {
        #expect(TraceContext(traceparents: [Self.good, Self.good], tracestates: []) == nil)
    }

    @Test func `only the sampled and random flags are passed on (TC-1)`() throws {
        let context = try #require(TraceContext(traceparent: "00-\(Self.trace)-\(Self.span)-ff"))
        #expect(context.traceparent.hasSuffix("-03"))
    }

    @Test func `several tracestate lines are joined in order without blanks (TC-1)`() throws {
        let context = try #require(
            TraceContext(
                traceparents: [Self.good], tracestates: ["foo=1 ,\tbar=2", "", ",baz@sys=a b"]))
        #expect(context.state == "foo=1,bar=2,baz@sys=a b")
    }

    @Test(arguments: [
        "foo", "foo=", "=1", "foo =1", "FOO=1", "foo@=1", "@foo=1", "foo@@bar=1", "foo@bar@baz=1",
        "foo=1,foo=1", "foo=bar=baz", "foo=1\u{7f}", String(repeating: "z", count: 257) + "=1",
        String(repeating: "t", count: 242) + "@v=1", "t@" + String(repeating: "v", count: 15) + "=1",
        "foo=" + String(repeating: "v", count: 257),
        (0..<33).map { "k\($0)=1" }.joined(separator: ","),
    ])
    func `a bad tracestate is dropped and the trace kept (TC-1)`(text: String) throws {
        let context = try #require(TraceContext(traceparent: Self.good, tracestate: text))
        #expect(context.tracestate == nil)
    }

    @Test func `a child keeps the trace and state and takes a new span`() throws {
        let random = RandomSource.seeded(7)
        let parent = try #require(TraceContext(traceparent: Self.good, tracestate: "a=b"))
        let child = parent.child(using: random)
        #expect(child.traceIDText == parent.traceIDText)
        #expect(child.spanID != parent.spanID)
        #expect(child.state == "a=b")
    }

    @Test func `a root is sampled and random`() throws {
        let root = TraceContext.root(using: .seeded(1))
        #expect(root.traceparent.hasSuffix("-03"))
        #expect(TraceContext(traceparent: root.traceparent) == root)
    }
}
