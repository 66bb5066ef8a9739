import SecamMesh
import SecamWire

/// An archive's assignment: the cameras to record, with their rules and addresses.
struct LastAssignment: Sendable, Equatable {
    let cameras: [Roster.Member]
    let recording: Recording

    /// The maximum size of each of the two messages.
    private static let limit = 4 << 20

    /// - Parameter cameras: the reachable cameras, whose addresses are kept.
    init(_ recording: Recording, _ cameras: ReachableCameras) {
        self.recording = recording
        self.cameras = recording.cameras.compactMap { cameras[$0.camera] }
    }

    /// - Parameter bytes: a ROSTER and a RECORDING message.
    init?(parsing bytes: [UInt8]) {
        var decoder = StreamDecoder(limit: LastAssignment.limit)
        decoder.append(bytes)
        guard case .message(let first, let roster)? = try? decoder.next(),
            case .message(let second, let recording)? = try? decoder.next(),
            let members = try? Roster.decode(roster.span, first).members,
            let assigned = try? Recording.decode(recording.span, second)
        else { return nil }
        self.recording = assigned
        cameras = members.filter { $0.role == .capture }
    }

    var bytes: [UInt8] { Roster(generation: 0, settling: false, members: cameras).encoded() + recording.encoded() }
}
