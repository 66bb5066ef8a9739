import SecamWire

/// A sentence about the frames that archives did not receive.
struct MissingFrames: CustomStringConvertible {
    let description: String

    /// - Returns: `nil` when nothing is missing.
    init?(_ gaps: [FoundGap]) {
        func frames(_ gaps: some Sequence<FoundGap>) -> UInt64 {
            gaps.reduce(0) { $0.addingSaturated($1.frames) }
        }
        let all = frames(gaps)
        guard all > 0 else { return nil }
        let spooled = frames(gaps.lazy.filter { $0.reason == .spooled })
        let later = spooled == 0 ? "" : "; the camera has kept \(spooled) of them and sends them later"
        description = "\(all) frames are missing in \(gaps.count) gaps\(later)"
    }
}
