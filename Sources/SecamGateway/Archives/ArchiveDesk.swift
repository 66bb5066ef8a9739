import NIOCore
import SecamConfig
import SecamWire

/// Passes viewers' questions about the past on to the archives, and their answers back.
///
/// A state machine without I/O: time is an argument, what is to be sent is returned.
struct ArchiveDesk {
    enum Action {
        case ask(any WireMessage, archive: Name)
        case answer(LookAnswer, viewer: LookingViewer)
    }

    private struct Asking {
        let viewer: LookingViewer
        let request: UInt32
        var waiting: Set<Name>
        /// Which archive's answer counts for a volume: others that share it say the same.
        var speakers: [UInt64: Name] = [:]
        /// There may be more than is told.
        var isPartial: Bool
        let asked: MonotonicTime
    }

    private struct Playing {
        let viewer: LookingViewer
        let flow: UInt32
        let archive: Name
        /// Frames that the viewer takes.
        var credit: UInt32
        /// Frames that were asked for and have not left for the viewer.
        var underWay: UInt32 = 0
        /// Of these, those that have not come from the archive.
        var expected: UInt32 = 0
    }

    private struct ViewerFlow: Hashable {
        let viewer: UInt64
        let flow: UInt32
    }

    /// Frames of one replay that may be under way or in memory here.
    static let window: UInt32 = 16
    /// Microseconds after which archives that are silent are not waited for.
    static let patience: Int64 = 5_000_000

    private var archives: Set<Name> = []
    /// Whether archives that are missing may only not have come back yet.
    var isSettling = false
    /// Who has which volume, as their answers said.
    private var volumes: [UInt64: Set<Name>] = [:]
    private var askings: [UInt32: Asking] = [:]
    private var playings: [UInt32: Playing] = [:]
    private var flows: [ViewerFlow: UInt32] = [:]
    private var lastNumber: UInt32 = 0

    // MARK: From viewers

    mutating func take(_ request: LookRequest, from viewer: LookingViewer, now: MonotonicTime) -> [Action] {
        switch request {
        case .search(let search):
            return ask(viewer, search.request, now) { number in
                Search(
                    request: number, kinds: search.kinds, from: search.from, to: search.to, cameras: search.cameras)
            }
        case .protect(let protect):
            return ask(viewer, protect.request, now) { number in
                Protect(
                    request: number, protected: protect.protected, from: protect.from, to: protect.to,
                    camera: protect.camera)
            }
        case .replay(let replay): return play(replay, viewer)
        case .credit(let flow, let frames):
            guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
            playings[number]!.credit = min(playings[number]!.credit + frames, WireLimits.credit)
            return refill(number)
        case .sent(let flow):
            guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
            playings[number]!.underWay -= min(1, playings[number]!.underWay)
            return refill(number)
        case .close(let flow): return end(ViewerFlow(viewer: viewer.id, flow: flow))
        case .forget:
            askings = askings.filter { $0.value.viewer.id != viewer.id }
            return flows.keys.filter { $0.viewer == viewer.id }.flatMap { end($0) }
        }
    }

    private mutating func ask(
        _ viewer: LookingViewer, _ request: UInt32, _ now: MonotonicTime, _ question: (UInt32) -> any WireMessage
    ) -> [Action] {
        guard !archives.isEmpty else {
            let nothing = Found(request: request, last: true, partial: true, volume: 0)
            return [.answer(.found(nothing), viewer: viewer)]
        }
        let number = nextNumber()
        askings[number] = Asking(
            viewer: viewer, request: request, waiting: archives, isPartial: isSettling, asked: now)
        return archives.sorted().map { .ask(question(number), archive: $0) }
    }

    private mutating func play(_ replay: Replay, _ viewer: LookingViewer) -> [Action] {
        let key = ViewerFlow(viewer: viewer.id, flow: replay.flow)
        let ended = end(key)
        guard let archive = volumes[replay.volume]?.intersection(archives).min() else {
            return ended + [.answer(.close(CloseFlow(flow: replay.flow, reason: .done)), viewer: viewer)]
        }
        let number = nextNumber()
        let first = min(replay.credit, ArchiveDesk.window)
        flows[key] = number
        playings[number] = Playing(
            viewer: viewer, flow: replay.flow, archive: archive, credit: replay.credit - first, underWay: first,
            expected: first)
        let message = Replay(
            flow: number, credit: first, interval: replay.interval, content: replay.content, from: replay.from,
            to: replay.to, volume: replay.volume, camera: replay.camera)
        return ended + [.ask(message, archive: archive)]
    }

    /// Asks for as many more frames as the viewer takes and as may be under way.
    private mutating func refill(_ number: UInt32) -> [Action] {
        guard let playing = playings[number], playing.underWay < ArchiveDesk.window else { return [] }
        let more = min(playing.credit, ArchiveDesk.window - playing.underWay)
        guard more > 0 else { return [] }
        playings[number]!.credit -= more
        playings[number]!.underWay += more
        playings[number]!.expected += more
        return [.ask(Credit(flow: number, frames: more), archive: playing.archive)]
    }

    private mutating func end(_ key: ViewerFlow) -> [Action] {
        guard let number = flows.removeValue(forKey: key), let playing = playings.removeValue(forKey: number) else {
            return []
        }
        return [.ask(CloseFlow(flow: number, reason: .done), archive: playing.archive)]
    }

    /// Never 0, and never one that is in use.
    private mutating func nextNumber() -> UInt32 {
        repeat {
            lastNumber &+= 1
        } while lastNumber == 0 || askings[lastNumber] != nil || playings[lastNumber] != nil
        return lastNumber
    }

    // MARK: From archives

    /// - Throws: for what is no message that an archive may send.
    mutating func receive(
        _ envelope: Envelope, _ bytes: Span<UInt8>, from archive: Name
    ) throws(WireError) -> [Action] {
        switch envelope.type {
        case .found: return take(try Found.decode(bytes, envelope), from: archive)
        case .frame:
            let (frame, _) = try Frame.decode(bytes, envelope)
            return take(frame, bytes.extracting(first: envelope.messageLength), from: archive)
        case .closeFlow:
            let close = try CloseFlow.decode(bytes, envelope)
            guard let playing = playings[close.flow], playing.archive == archive else { return [] }
            playings[close.flow] = nil
            flows[ViewerFlow(viewer: playing.viewer.id, flow: playing.flow)] = nil
            return [
                .answer(
                    .close(CloseFlow(flow: playing.flow, reason: close.reason, detail: close.detail)),
                    viewer: playing.viewer)
            ]
        default: throw .unknownType(envelope.type.rawValue)
        }
    }

    private mutating func take(_ found: Found, from archive: Name) -> [Action] {
        // Learned only from who was asked, so that nobody can fill the table.
        guard var asking = askings[found.request], asking.waiting.contains(archive) else { return [] }
        volumes[found.volume, default: []].insert(archive)
        let speaker = asking.speakers[found.volume] ?? archive
        asking.speakers[found.volume] = speaker
        if found.last { asking.waiting.remove(archive) }
        if found.partial { asking.isPartial = true }
        askings[found.request] = asking
        let isEmpty = found.recordings.isEmpty && found.events.isEmpty && found.gaps.isEmpty
        var actions: [Action] = []
        if speaker == archive, !isEmpty {
            let passed = Found(
                request: asking.request, last: false, volume: found.volume, recordings: found.recordings,
                events: found.events, gaps: found.gaps)
            actions.append(.answer(.found(passed), viewer: asking.viewer))
        }
        return actions + (asking.waiting.isEmpty ? conclude(found.request) : [])
    }

    private mutating func take(_ frame: Frame, _ message: Span<UInt8>, from archive: Name) -> [Action] {
        guard let playing = playings[frame.flow], playing.archive == archive, playing.expected > 0,
            frame.format == .jpeg
        else { return [] }
        playings[frame.flow]!.expected -= 1
        var buffer = unsafe message.withUnsafeBufferPointer { unsafe ByteBuffer(bytes: $0) }
        // The viewer's own number, in place of ours, behind envelope and headerLength.
        buffer.setInteger(playing.flow, at: Envelope.size + 2, endianness: .little)
        return [.answer(.frame(buffer, flow: playing.flow), viewer: playing.viewer)]
    }

    private mutating func conclude(_ number: UInt32) -> [Action] {
        guard let asking = askings.removeValue(forKey: number) else { return [] }
        let last = Found(
            request: asking.request, last: true, partial: asking.isPartial || !asking.waiting.isEmpty, volume: 0)
        return [.answer(.found(last), viewer: asking.viewer)]
    }

    // MARK: Who is there

    /// These archives can be reached now.
    mutating func update(_ present: Set<Name>) -> [Action] {
        let gone = archives.subtracting(present)
        archives = present
        guard !gone.isEmpty else { return [] }
        for volume in volumes.keys { volumes[volume]!.subtract(gone) }
        volumes = volumes.filter { !$0.value.isEmpty }
        var actions: [Action] = []
        for (number, playing) in playings where gone.contains(playing.archive) {
            playings[number] = nil
            flows[ViewerFlow(viewer: playing.viewer.id, flow: playing.flow)] = nil
            let close = CloseFlow(flow: playing.flow, reason: .shutdown, detail: "its archive is gone")
            actions.append(.answer(.close(close), viewer: playing.viewer))
        }
        for number in askings.keys where !askings[number]!.waiting.isDisjoint(with: gone) {
            askings[number]!.isPartial = true
            askings[number]!.waiting.subtract(gone)
            if askings[number]!.waiting.isEmpty { actions += conclude(number) }
        }
        return actions
    }

    /// Time has passed: silent archives are not waited for any longer.
    mutating func tick(now: MonotonicTime) -> [Action] {
        askings.filter { now.since($0.value.asked) > ArchiveDesk.patience }.keys.flatMap { conclude($0) }
    }
}
