/// A value that must not reach a log, an error text or a dump by accident.
package struct Secret<Value: Sendable>: Sendable, CustomStringConvertible,
    CustomDebugStringConvertible, CustomReflectable
{
    private let value: Value

    package init(_ value: Value) { self.value = value }

    /// The value itself; each call is a place for a reviewer to look at.
    package func reveal() -> Value { value }

    package var description: String { "[redacted]" }
    package var debugDescription: String { "[redacted]" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
