import SecamMesh
import SecamSharedMemory
import SecamWire

/// A job for the encoders: its parameters with the picture.
enum PictureWork: Sendable {
    /// The picture is in the message.
    case message(MeshMessage)
    /// The picture is in shared memory. The header is that of a message with the picture.
    case slot(header: Work, PictureSlot)

    /// Size of the picture, bytes.
    var count: Int {
        switch self {
        case .message(let message): message.count
        case .slot(_, let slot): slot.length
        }
    }

    /// Returns the message for an encoder.
    ///
    /// - Parameter hasMapped: whether the encoder reads pictures from this memory file.
    func message(hasMapped: (MemoryFile) -> Bool) -> MeshMessage {
        switch self {
        case .message(let message): return message
        case .slot(let header, let slot):
            guard hasMapped(slot.file) else { return copy(header, slot) }
            let reference = Work(
                job: header.job, renditions: header.renditions, quality: header.quality, subWidth: header.subWidth,
                format: header.format, width: header.width, height: header.height, memory: slot.file.number,
                slot: UInt16(slot.index), generation: slot.generation, length: UInt32(slot.length))
            return MeshMessage(reference.encoded(payload: 0))
        }
    }

    /// Copies a picture for an encoder elsewhere, beside encoders that share memory.
    private func copy(_ header: Work, _ slot: PictureSlot) -> MeshMessage {
        MeshMessage(header.encoded(payload: slot.length), count: slot.length) { slot.copy(into: &$0) }
    }
}
