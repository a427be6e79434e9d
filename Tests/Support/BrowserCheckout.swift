import Foundation
import NativeServers

/// What the browser saw.
package struct BrowserCheckoutReport: Sendable {
    /// One line per order, as the script printed them.
    package let lines: [String]
    /// The folder of the screenshots. It ends with the test process, unless
    /// `MERCATO_SCREENSHOTS` names one to keep.
    package let screenshots: String
}

/// Why a browser could not buy in the shop, in words for whoever reads the test's output.
package struct BrowserCheckoutFailure: Error, Sendable, CustomStringConvertible {
    package enum Code: Sendable { case missing, shop, browser }

    package let code: Code
    package let description: String
}

/// Buys in the web shop with a headless Chromium: one approved order, and one declined on a 360 px
/// screen; nothing may scroll sideways or complain in the console.
///
/// - Parameter baseURL: the gateway's public address, such as "http://127.0.0.1:8080".
/// - Throws: `BrowserCheckoutFailure`: `.missing` names the packages to install.
@discardableResult
package func runBrowserCheckout(baseURL: String) async throws -> BrowserCheckoutReport {
    let folder =
        try ProcessInfo.processInfo.environment["MERCATO_SCREENSHOTS"]
        ?? ScratchFolder.make("screenshots")
    return try await Blocking.run {
        let tools = try BrowserTools.find()
        let outcome = try Command.run(
            tools.python,
            [
                BrowserTools.script, baseURL, "--screenshots", folder,
                "--chromedriver", tools.driver, "--chromium", tools.browser,
            ], limit: .seconds(300))
        guard outcome.status == 0 else {
            throw BrowserCheckoutFailure(
                code: outcome.status == 1 ? .shop : .browser,
                description: "the browser test of \(baseURL) ended with \(outcome.status); "
                    + "screenshots in \(folder):\n\(outcome.output)\(outcome.errors)")
        }
        return BrowserCheckoutReport(
            lines: outcome.output.split(separator: "\n").map(String.init), screenshots: folder)
    }
}

/// The programs of the browser test. Their absence is a failure, not a skip: a shop that no browser
/// has seen is not tested.
private struct BrowserTools {
    let python: String
    let driver: String
    let browser: String

    /// Next to this file in the source tree: the script is Python, no part of a Swift target.
    static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/browser/browser_checkout.py").path

    static func find() throws -> BrowserTools {
        let python = pythonWithSelenium()
        let driver = firstProgram(["chromedriver", "chromium.chromedriver"])
        let browser = firstProgram(["chromium", "chromium-browser", "google-chrome"])
        guard let python, let driver, let browser else {
            let missing = [
                python == nil ? "python3 with the module selenium" : nil,
                driver == nil ? "chromedriver" : nil, browser == nil ? "chromium" : nil,
            ].compactMap(\.self).joined(separator: ", ")
            throw BrowserCheckoutFailure(
                code: .missing,
                description: "the browser test needs \(missing): "
                    + "apt-get install python3-selenium chromium chromium-driver")
        }
        return BrowserTools(python: python, driver: driver, browser: browser)
    }

    private static func firstProgram(_ names: [String]) -> String? {
        names.lazy.compactMap { Command.find($0) }.first
    }

    /// The first python3 on PATH may be one of a version manager, without the system's packages.
    private static func pythonWithSelenium() -> String? {
        [Command.find("python3"), "/usr/bin/python3"].compactMap(\.self).first { python in
            let probe = try? Command.run(  // Ignored: one that cannot run is not the one.
                python, ["-c", "import selenium"], limit: .seconds(30))
            return probe?.status == 0
        }
    }
}
