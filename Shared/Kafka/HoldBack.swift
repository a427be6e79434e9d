/// Bounds what a consumer reads ahead of its owner: reading stops when the buffer is full and goes
/// on when it is half empty. Pure. It must be asked after everything that fills or empties the
/// buffer, a revocation too: an empty buffer that still holds back would never be asked again.
struct HoldBack {
    enum Change: Equatable {
        case stop
        case go
    }

    let recordLimit: Int
    let byteLimit: Int
    private(set) var isOn = false

    init(recordLimit: Int, byteLimit: Int) {
        self.recordLimit = recordLimit
        self.byteLimit = byteLimit
    }

    /// What has to change now that the buffer holds so much; nil: nothing.
    mutating func judge(records: Int, bytes: Int) -> Change? {
        if isOn {
            guard records <= recordLimit / 2, bytes <= byteLimit / 2 else { return nil }
            isOn = false
            return .go
        }
        // Only records that are there can be handed out and so end it.
        guard records > 0, records >= recordLimit || bytes >= byteLimit else { return nil }
        isOn = true
        return .stop
    }
}
