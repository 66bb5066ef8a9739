import NIOCore
import NIOHTTP1
import SecamBase
import SecamProcess
import SecamWire

// Recordings and past events.
extension RequestHandler {
    /// Entries of an answer without `limit`.
    private static let usualLimit: UInt32 = 1000
    /// The time before now from which a search without `from` begins.
    private static let usualRange = Duration.seconds(86_400)
    /// `peakTime` of a thumbnail and the parameter `at` may differ by what the text of a time leaves out.
    private static let thumbnailRange: Int64 = 1000

    /// What a request asks for.
    private enum Query {
        case search(Search)
        /// A range that ends before it begins contains nothing.
        case empty
    }

    /// Returns what a request asks for; `nil` when it cannot be understood.
    private func query(_ request: HTTPRequest, _ kinds: FoundKinds, from: String, to: String) -> Query? {
        let now = WallClock.now
        guard let begin = TimeParameter.microseconds(request.query[from], default: now - Self.usualRange.microseconds),
            let end = TimeParameter.microseconds(request.query[to], default: WireLimits.times.upperBound),
            let limit = UInt32(request.query["limit"] ?? "\(Self.usualLimit)"), (1...WireLimits.answer).contains(limit)
        else { return nil }
        var cameras: [Search.Camera] = []
        if let text = request.query["camera"] {
            guard let name = try? Name(text) else { return .empty }
            cameras = [Search.Camera(name: name)]
        }
        guard begin < end else { return .empty }
        return .search(Search(request: 1, kinds: kinds, from: begin, to: end, cameras: cameras, limit: limit))
    }

    func listRecordings(_ request: HTTPRequest, _ access: WebAccess) {
        switch query(request, [.recordings, .gaps], from: "from", to: "to") {
        case nil: respond(.error(.badRequest, "badRequest"))
        case .empty: respond(Self.recordings([], moreBefore: "null"))
        case .search(let search):
            backend.search(search, access) { [self] parts in
                guard let parts else { return respond(.error(.tooManyRequests, "busy", retryAfter: 1)) }
                respond(Self.recordings(parts, moreBefore: Self.moreBefore(parts, search)))
            }
        }
    }

    private static func recordings(_ parts: [Found], moreBefore: String) -> HTTPResponse {
        let recordings = parts.flatMap(\.recordings).sorted { ($1.start, $0.camera) < ($0.start, $1.camera) }
        let gaps = parts.flatMap(\.gaps).sorted { ($1.start, $0.camera) < ($0.start, $1.camera) }
        return .json(
            .ok,
            JSONText.object([
                ("recordings", JSONText.array(recordings.map { RecordingText.json($0) })),
                ("gaps", JSONText.array(gaps.map(RecordingText.json))),
                ("more_before", moreBefore),
                ("partial", "\(parts.contains { $0.partial })"),
            ]))
    }

    func listEvents(_ request: HTTPRequest, _ access: WebAccess) {
        switch query(request, .events, from: "since", to: "until") {
        case nil: respond(.error(.badRequest, "badRequest"))
        case .empty: respond(Self.events([], [], moreBefore: "null"))
        case .search(let search):
            backend.search(search, access) { [self] parts in
                guard let parts else { return respond(.error(.tooManyRequests, "busy", retryAfter: 1)) }
                respond(
                    Self.events(
                        parts, newestEvents(parts, search, access), moreBefore: Self.moreBefore(parts, search)))
            }
        }
    }

    /// Returns the events of an answer, each in its newest state, the last ones first.
    private func newestEvents(_ parts: [Found], _ search: Search, _ access: WebAccess) -> [WebEvent] {
        var newest: [EventKey: WebEvent] = [:]
        for entry in parts.flatMap(\.events) {
            newest[EventKey(camera: entry.camera, id: entry.event.id)] = WebEvent(
                camera: entry.camera, event: entry.event)
        }
        // The gateway's memory is newer than an archive's index.
        let names = search.cameras.map(\.name)
        for event in backend.events(since: search.from, access)
        where event.event.start < search.to && (names.isEmpty || names.contains(event.camera)) {
            newest[EventKey(camera: event.camera, id: event.event.id)] = event
        }
        let events = newest.values.sorted { ($1.event.start, $0.camera) < ($0.event.start, $1.camera) }
        return Array(events.prefix(Int(search.limit)))
    }

    private static func events(_ parts: [Found], _ events: [WebEvent], moreBefore: String) -> HTTPResponse {
        .json(
            .ok,
            JSONText.object([
                ("events", JSONText.array(events.map { EventText.json($0.event, of: $0.camera) })),
                ("more_before", moreBefore),
                ("partial", "\(parts.contains { $0.partial })"),
            ]))
    }

    private struct EventKey: Hashable {
        let camera: Name
        let id: UInt64
    }

    /// The time from which on an answer is complete, for the next request; `null` when nothing is missing.
    private static func moreBefore(_ parts: [Found], _ search: Search) -> String {
        let since = parts.map(\.since).max() ?? search.from
        return since > search.from ? JSONText.string(UTCText.iso(microseconds: since)) : "null"
    }

    // MARK: - Thumbnails

    func sendThumbnail(_ request: HTTPRequest, _ camera: String, _ access: WebAccess) {
        guard let text = request.query["at"], let time = TimeParameter.microseconds(text, default: 0) else {
            return respond(.error(.badRequest, "badRequest"))
        }
        // A camera that never existed, one that one may not see, and one without recordings look alike.
        guard let name = try? Name(camera), time < WireLimits.times.upperBound - Self.thumbnailRange else {
            return respond(.error(.notFound, "notFound"))
        }
        let end = time + Self.thumbnailRange
        let search = Search(
            request: 1, kinds: .recordings, from: time, to: end, cameras: [Search.Camera(name: name)], limit: 1)
        backend.search(search, access) { [self] parts in
            guard let parts else { return respond(.error(.tooManyRequests, "busy", retryAfter: 1)) }
            guard let volume = parts.first(where: { !$0.recordings.isEmpty })?.volume else {
                return respond(.error(.notFound, "notFound"))
            }
            let replay = Replay(
                flow: Replay.flowBit, credit: 1, interval: 0, content: .thumbnails, from: time, to: end, volume: volume,
                camera: name)
            backend.recordedPicture(replay, access) { [self] picture in
                guard let picture, picture.frame.format == .jpeg else { return respond(.error(.notFound, "notFound")) }
                respond(
                    HTTPResponse(
                        .ok,
                        headers: [
                            ("Content-Type", "image/jpeg"), ("Cache-Control", "private, max-age=3600"),
                            ("X-Secam-Captured", UTCText.iso(microseconds: picture.frame.timestamp)),
                        ], body: .bytes(picture.bytes)))
            }
        }
    }
}
