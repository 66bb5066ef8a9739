/// How every member is, as the registry knows it.
///
///     offset  size  field
///     0       8     time        of the answer, UTC microseconds
///     8       2     count       of members; then for each:
///     +0      1     role
///     +1      1     camera      1 when a CAMERA message's fields follow the software
///     +2      4     process     process number on its host
///     +6      8     joined      UTC microseconds
///     +14     4     silence     milliseconds since the last beat
///     +18     2+n   name
///     ..      2+n   endpoint
///     ..      2+n   software
///     ..      ..    the camera's state as in CAMERA, when `camera` is 1
///     ..      2     figures     as in BEAT: count, then metric and value for each
public struct Status: WireMessage {
    public static let type = MessageType.status
    /// UTC microseconds.
    public let time: Int64
    public let members: [Member]

    public struct Member: Sendable, Equatable {
        public let role: Role
        public let process: UInt32
        /// UTC microseconds.
        public let joined: Int64
        /// Milliseconds since the last beat.
        public let silence: UInt32
        public let name: Name
        public let endpoint: String
        public let software: String
        public let camera: CameraReport?
        public let figures: [Figure]

        public init(
            role: Role, process: UInt32, joined: Int64, silence: UInt32, name: Name, endpoint: String,
            software: String, camera: CameraReport?, figures: [Figure]
        ) {
            self.role = role
            self.process = process
            self.joined = joined
            self.silence = silence
            self.name = name
            self.endpoint = endpoint
            self.software = software
            self.camera = camera
            self.figures = figures
        }

        /// The value of one figure, 0 when the member did not send it.
        public subscript(_ metric: Metric) -> UInt64 {
            figures.first { $0.metric == metric }?.value ?? 0
        }

        fileprivate init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
            role = try reader.choice("role", bytes)
            let hasCamera = try reader.integer("camera", as: UInt8.self, bytes)
            guard hasCamera <= 1 else { throw .badValue(field: "camera") }
            process = try reader.integer("process", bytes)
            joined = try reader.time("joined", bytes)
            silence = try reader.integer("silence", bytes)
            name = try reader.name("name", bytes)
            endpoint = try reader.text("endpoint", limit: WireLimits.endpoint, bytes)
            software = try reader.text("software", limit: WireLimits.name, bytes)
            camera = hasCamera == 1 ? try CameraReport(bytes, &reader) : nil
            figures = try Figure.list(bytes, &reader)
        }

        fileprivate func write(_ writer: inout WireWriter) {
            writer.choice(role)
            writer.integer(UInt8(camera == nil ? 0 : 1))
            writer.integer(process)
            writer.integer(joined)
            writer.integer(silence)
            writer.name(name)
            writer.text(endpoint, limit: WireLimits.endpoint)
            writer.text(software, limit: WireLimits.name)
            camera?.write(&writer)
            Figure.write(figures, &writer)
        }
    }

    public init(time: Int64, members: [Member]) {
        self.time = time
        self.members = members
    }

    public init(_ bytes: Span<UInt8>, _ reader: inout WireReader) throws(WireError) {
        time = try reader.time("time", bytes)
        var list: [Member] = []
        for _ in 0..<(try reader.count("count", limit: WireLimits.members, bytes)) {
            list.append(try Member(bytes, &reader))
        }
        members = list
    }

    public func write(_ writer: inout WireWriter) {
        writer.integer(time)
        writer.integer(UInt16(members.count))
        for member in members { member.write(&writer) }
    }
}
