import SecamMesh
import SecamRecording
import SecamWire

/// A command to the writing thread. Commands of one camera are executed in order.
enum WriterCommand: Sendable {
    /// Record a frame, given as a whole FRAME message.
    case frame(RecorderID, MeshMessage)
    /// Record a gap among live frames.
    case gap(Name, Gap)
    /// The camera's spool is empty.
    case spoolEnded(Name)
    /// Store an event, and the cursor up to which events are acknowledged.
    case event(Name, Event, acknowledged: UInt64)
    /// End the camera's events, except those of this incarnation.
    case endEvents(Name, except: UInt64?)
    /// End the live segment.
    case cut(Name)
    /// Complete the camera's recordings, since another archive records it now.
    case leave(Name)
    /// Apply the registry's rules.
    case rules(Recording)
    /// Replace a recording by its compressed file.
    case compressed(Compression, Compression.Outcome)
    /// Save the assignment for the next start.
    case assignment(LastAssignment, AssignmentFile)

    /// The camera whose recording the command changes; `nil` for commands about all cameras.
    var camera: Name? {
        switch self {
        case .frame(let id, _): id.camera
        case .gap(let camera, _), .spoolEnded(let camera), .event(let camera, _, _), .endEvents(let camera, _),
            .cut(let camera), .leave(let camera):
            camera
        case .rules, .compressed, .assignment: nil
        }
    }

    /// The size of the frame that the command writes.
    var byteCount: Int {
        if case .frame(_, let message) = self { message.count } else { 0 }
    }
}

/// A report from the writing thread.
enum WriterReport: Sendable {
    /// A frame of this flow is no longer in memory.
    case frameWritten(RecorderID, flow: UInt32)
    /// A gap of this flow is no longer in memory.
    case gapRecorded(Name, flow: UInt32)
    /// Everything up to a frame is on disk.
    case durable(RecorderID, CameraRecorder.Durable)
    case eventStored(Name, Event, acknowledged: UInt64)
    /// Writing failed. Further frames of this flow are skipped and must be requested again.
    case framesFailed(RecorderID, flow: UInt32, reason: String)
    /// Storing an event failed. Further events of this flow are skipped and must be requested again.
    case eventsFailed(Name, flow: UInt32)
    case figures([Figure], causes: [Cause])
    /// The reason why nothing can be written to the volume; `nil` once it can be again.
    case volumeFault(String?)
    /// The folder is not the one that was opened, and has an index. The archive must restart.
    case remounted(path: String)
}

/// Identifies one of the two recordings of a camera that can be written at the same time.
struct RecorderID: Hashable, Sendable {
    let camera: Name
    /// Whether the frames come from the camera's spool.
    let isSpooled: Bool
}
