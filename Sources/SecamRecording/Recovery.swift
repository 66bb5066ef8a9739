internal import SecamConfig
internal import SecamMedia
internal import SecamWire

/// Ends what was begun: segments whose archive was killed, whose disk failed, or that were being removed.
enum Recovery {
    /// - Parameters:
    ///   - camera: only of this one; `nil` for all.
    ///   - writer: only of this archive; `nil` for all.
    static func finish(camera: Name?, writer: String?, in vault: Vault) throws(RecordingError) {
        for segment in try vault.index.unfinished(of: camera, writer: writer) {
            guard segment.state == .open else {
                try vault.remove(segment, why: "as was begun")
                continue
            }
            try finish(segment, in: vault)
        }
    }

    /// The file is not touched: it is read up to its last whole frame.
    private static func finish(_ segment: SegmentRow, in vault: Vault) throws(RecordingError) {
        let folder = vault.index.folder
        guard let size = folder.size(segment.path), size > 0,
            let found = try? SegmentScan(folder.absolute(segment.path), known: vault.index.map(of: segment)),
            let last = found.entries.last
        else {
            // Nothing was acknowledged of it, else there were frames.
            guard segment.frames == 0 else {
                throw .file(
                    path: folder.absolute(segment.path), operation: "reading",
                    reason: "\(segment.frames) frames were recorded there and cannot be found")
            }
            try folder.remove(segment.path)
            return try vault.index.forget(segment.id)
        }
        var map = FrameMap(start: segment.start)
        for entry in found.entries { map.append(time: entry.time, sequence: entry.sequence) }
        let progress = RecordingIndex.Progress(
            id: segment.id, camera: segment.camera, incarnation: segment.incarnation, sequence: last.sequence,
            end: last.time, frames: map.count, bytes: size, map: map.bytes)
        try complete(progress, path: segment.path, in: vault)
    }

    /// Notes a segment whose file is complete, or as complete as it will ever be.
    static func complete(
        _ progress: RecordingIndex.Progress, path: String, in vault: Vault
    ) throws(RecordingError) {
        let folder = vault.index.folder
        let size = folder.size(path) ?? progress.bytes
        // What was counted while it was written was not less.
        vault.giveBack(progress.bytes - min(progress.bytes, size))
        let last = RecordingIndex.Progress(
            id: progress.id, camera: progress.camera, incarnation: progress.incarnation, sequence: progress.sequence,
            end: progress.end, frames: progress.frames, bytes: size, map: progress.map)
        try vault.index.complete(last, path: path, digest: try FileDigest.hash(folder.absolute(path)))
    }
}

/// What a recording holds, as its file says.
struct SegmentScan {
    let camera: String?
    let incarnation: UInt64?
    let firstSequence: UInt64?
    /// UTC microseconds.
    let start: Int64
    let entries: [FrameMap.Entry]

    /// - Parameters:
    ///   - path: of the file.
    ///   - known: what the index knows of its first frames, to the microsecond.
    init(_ path: String, known: [FrameMap.Entry] = []) throws {
        let reader = try MediaReader(url: path)
        camera = reader.tag(SegmentTags.camera)
        incarnation = reader.tag(SegmentTags.incarnation).flatMap { UInt64($0) }
        firstSequence = reader.tag(SegmentTags.sequence).flatMap { UInt64($0) }
        guard let start = known.first?.time ?? reader.tag("creation_time").flatMap(Self.time) else {
            throw RecordingError.file(path: path, operation: "reading", reason: "it does not say when it was recorded")
        }
        self.start = start
        var entries: [FrameMap.Entry] = []
        while let frame = try reader.next() {
            if entries.count < known.count {
                entries.append(known[entries.count])
                continue
            }
            let next = entries.last.map { $0.sequence + 1 } ?? firstSequence ?? 1
            let time = max(entries.last?.time ?? start, start + frame.timestampMicroseconds)
            entries.append(FrameMap.Entry(time: time, sequence: next))
        }
        self.entries = entries
    }

    /// Of a text as `2026-01-02T03:04:05.678901Z`.
    private static func time(_ text: String) -> Int64? { UTCText.microseconds(iso: text) }
}
