import Testing

@testable import PaymentService

/// What the provider's answers mean to the key discipline.
@Suite struct ProviderClientTests {
    private func read(
        _ status: Int, _ body: String, replay: Bool = false, _ kind: OperationKind = .authorize
    ) -> Exchange {
        ProviderClient.read(
            ProviderClient.Answer(status: status, isReplay: replay, body: Array(body.utf8)), kind)
    }

    @Test func `each success belongs to its kind and needs a reference`() {
        #expect(
            read(200, #"{"outcome":"approved","provider_ref":"a"}"#)
                == .outcome(.done(reference: "a")))
        #expect(
            read(200, #"{"outcome":"captured","provider_ref":"c"}"#, .capture)
                == .outcome(.done(reference: "c")))
        #expect(
            read(200, #"{"outcome":"voided","provider_ref":"v"}"#, .void)
                == .outcome(.done(reference: "v")))
        #expect(
            read(200, #"{"outcome":"captured","provider_ref":"c"}"#, .authorize)
                == .rejected("outcome captured does not fit AUTH"))
        #expect(
            read(200, #"{"outcome":"approved"}"#) == .rejected("a success without provider_ref"))
    }

    @Test func `a refusal keeps the provider's reason`() {
        #expect(
            read(200, #"{"outcome":"declined","reason":"card_declined"}"#)
                == .outcome(.refused(reason: "card_declined")))
        #expect(
            read(200, #"{"outcome":"refused"}"#, .capture)
                == .outcome(.refused(reason: "refused")))
    }

    @Test func `a cancelled key is a fence, with the answer as its evidence`() {
        let body = #"{"key":"k","outcome":"cancelled"}"#
        #expect(read(200, body, .void) == .outcome(.fenced(evidence: body)))
    }

    @Test func `a failure is certain only when it is marked as stored`() {
        #expect(read(500, "{}", replay: true) == .serverError(stored: true))
        #expect(read(503, "") == .serverError(stored: false))
        #expect(read(409, "") == .inProgress)
        #expect(read(429, "") == .silence("status 429"))
        #expect(read(422, "") == .rejected("status 422"))
        #expect(read(200, "<html>") == .silence("the answer cannot be read"))
        #expect(read(200, #"{"outcome":"pending"}"#) == .outcome(.pending))
    }
}
