// Generated from proto-spec/schema.json by `swift run secam-protocol`: do not edit.

/// RECORDING: Lists all cameras that an archive records.
///
///     offset  size  field
///     0       2     count of cameras; for each:
///     +0      1     mode
///     +1      1     codec
///     +2      2     preRoll
///     +4      2     postRoll
///     +6      2     reserved
///     +8      4     keep
///     +12     8     keepBytes
///     +20     4     thinAfter
///     +24     4     thinRate
///     +28     2+n   camera
///     ..      4     goneKeep, since version 2
///     ..      2     count of admitted, since version 2
package struct Recording: WireMessage {
    package static let type = MessageType.recording
    package static let version: UInt8 = 2
    package let cameras: [Camera]
    /// Seconds, 0 for never.
    package let goneKeep: UInt32
    /// Names of all admitted cameras; empty while `goneKeep` is 0.
    package let admitted: [Name]

    /// An entry of `cameras`.
    package struct Camera: WireElement, Sendable, Hashable {
        package let mode: RecordingMode
        package let codec: RecordingCodec
        /// Seconds recorded before motion, at most 3600.
        package let preRoll: UInt16
        /// Seconds recorded after motion, at most 3600.
        package let postRoll: UInt16
        /// Age at which recordings are deleted, seconds; 0 for never.
        package let keep: UInt32
        /// Bytes of this camera above which its oldest recordings are deleted; 0 for no limit.
        package let keepBytes: UInt64
        /// Age at which recordings are thinned, seconds; 0 for never.
        package let thinAfter: UInt32
        /// Thousandths of frames a second that thinning keeps, not 0.
        package let thinRate: UInt32
        package let camera: Name

        package init(
            mode: RecordingMode, codec: RecordingCodec = .jpeg, preRoll: UInt16, postRoll: UInt16, keep: UInt32,
            keepBytes: UInt64, thinAfter: UInt32, thinRate: UInt32, camera: Name
        ) {
            self.mode = mode
            self.codec = codec
            self.preRoll = preRoll
            self.postRoll = postRoll
            self.keep = keep
            self.keepBytes = keepBytes
            self.thinAfter = thinAfter
            self.thinRate = thinRate
            self.camera = camera
        }

        init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            mode = try reader.choice("mode", bytes)
            codec = try reader.choice("codec", bytes)
            preRoll = try reader.integer("preRoll", bytes)
            guard preRoll <= WireLimits.roll else { throw .badValue(field: "preRoll") }
            postRoll = try reader.integer("postRoll", bytes)
            guard postRoll <= WireLimits.roll else { throw .badValue(field: "postRoll") }
            try reader.skip("reserved", count: 2)
            keep = try reader.integer("keep", bytes)
            keepBytes = try reader.integer("keepBytes", bytes)
            thinAfter = try reader.integer("thinAfter", bytes)
            thinRate = try reader.integer("thinRate", bytes)
            guard thinRate > 0 else { throw .badValue(field: "thinRate") }
            camera = try reader.name("camera", bytes)
        }

        func write(_ writer: inout WireWriter) {
            writer.choice(mode)
            writer.choice(codec)
            writer.integer(preRoll)
            writer.integer(postRoll)
            writer.zeros(2)
            writer.integer(keep)
            writer.integer(keepBytes)
            writer.integer(thinAfter)
            writer.integer(thinRate)
            writer.name(camera)
        }
    }

    package init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        cameras = try reader.list("count", limit: WireLimits.members, bytes)
        if reader.version >= 2 {
            goneKeep = try reader.integer("goneKeep", bytes)
            admitted = try reader.list("count", limit: WireLimits.members, bytes)
        } else {
            goneKeep = 0
            admitted = []
        }
    }

    package func write(_ writer: inout WireWriter) {
        writer.list(cameras)
        writer.integer(goneKeep)
        writer.list(admitted)
    }
}
