import Testing

@testable import Mercatoctl

@Suite struct StatusTests {
    @Test func `a service that is ready says no more than that`() {
        let answer = ProcessRow.readiness(
            code: 200, body: #"{"status":"ready","checks":{"kafka":{"status":"ready"}}}"#)
        #expect(answer.ready)
        #expect(answer.text == "ready")
    }

    @Test func `checks that are not ready are shown with their causes, the others are not`() {
        let body = """
            {"status":"not_ready","checks":{"database":{"status":"not_ready","cause":"no answer from \
            127.0.0.1:54321, is it up?"},"kafka":{"status":"degraded","cause":"no broker"},\
            "prepared":{"status":"ready"}}}
            """
        let answer = ProcessRow.readiness(code: 503, body: body)
        #expect(!answer.ready)
        #expect(
            answer.text
                == "not_ready; database: no answer from 127.0.0.1:54321, is it up?; kafka: no broker")
    }

    @Test func `a degraded service counts as ready and names its cause`() {
        let answer = ProcessRow.readiness(
            code: 200,
            body: #"{"status":"degraded","checks":{"kafka":{"status":"degraded","cause":"no broker"}}}"#)
        #expect(answer.ready)
        #expect(answer.text == "degraded; kafka: no broker")
    }

    @Test func `an answer that is no JSON is judged by its status code`() {
        #expect(ProcessRow.readiness(code: 200, body: "OK").text == "ready")
        #expect(ProcessRow.readiness(code: 500, body: "oops").text == "not ready: oops")
    }

    @Test func `columns line up, numbers at the right`() throws {
        let rows = [ProcessRow(columns: ["order", "7", "8102", "9 MB", "ready"], isReady: true)]
        #expect(
            ProcessRow.table(rows) == [
                "process  pid  port  memory  state",
                "order      7  8102    9 MB  ready",
            ])
    }
}
