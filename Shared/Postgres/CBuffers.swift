import CPostgres

/// Strings and byte values laid out for a C call: one allocation, pointers only inside `withX`.
struct CBuffers {
    /// All values, each followed by a NUL.
    private var bytes: [UInt8] = []
    /// Where each value starts; -1 is a null pointer.
    private var starts: [Int] = []
    private var lengths: [CInt] = []
    private var formats: [CInt] = []

    /// C strings, in order.
    init(_ strings: [String]) {
        for string in strings { append(string) }
    }

    /// A statement's parameters: text for all but `bytes`, which is sent in binary (format 1).
    init(_ parameters: [Parameter]) {
        for parameter in parameters {
            if case .bytes(let value) = parameter {
                append(value, format: 1)
            } else if let text = parameter.text {
                append(text)
            } else {
                appendNull()
            }
        }
    }

    var count: Int { starts.count }

    mutating func append(_ text: String) {
        starts.append(bytes.count)
        let before = bytes.count
        bytes.append(contentsOf: text.utf8)
        lengths.append(CInt(truncatingIfNeeded: bytes.count - before))
        formats.append(0)
        bytes.append(0)
    }

    mutating func append(_ value: [UInt8], format: CInt) {
        starts.append(bytes.count)
        bytes.append(contentsOf: value)
        lengths.append(CInt(truncatingIfNeeded: value.count))
        formats.append(format)
        bytes.append(0)
    }

    /// A null pointer: SQL NULL, or the end of a list of C strings.
    mutating func appendNull() {
        starts.append(-1)
        lengths.append(0)
        formats.append(0)
    }

    /// Pointers to the values, their lengths and formats. None of them may leave `body`.
    func withPointers<Result>(
        _ body: (
            UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<CInt>?, UnsafePointer<CInt>?
        ) -> Result
    ) -> Result {
        // Safe: the arrays outlive the closure, and every start lies within `bytes`.
        unsafe bytes.withUnsafeBytes { raw in
            let base = unsafe raw.bindMemory(to: CChar.self).baseAddress
            var pointers: [UnsafePointer<CChar>?] = unsafe []
            unsafe pointers.reserveCapacity(starts.count)
            for start in starts {
                unsafe pointers.append(start < 0 ? nil : base.map { unsafe $0 + start })
            }
            return unsafe pointers.withUnsafeBufferPointer { values in
                unsafe lengths.withUnsafeBufferPointer { sizes in
                    unsafe formats.withUnsafeBufferPointer { kinds in
                        unsafe body(values.baseAddress, sizes.baseAddress, kinds.baseAddress)
                    }
                }
            }
        }
    }
}
