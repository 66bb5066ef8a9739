import DequeModule
import NIOCore
import SecamBase
import SecamMesh
import SecamWire

/// Forwards replays: requests frames from the archives as the viewers grant credit, and passes the frames to the viewers.
///
/// A state machine without I/O: time is an argument, and the caller carries out the returned actions.
struct ReplayProxy {
    typealias Action = ArchiveProxy.Action

    private struct ActiveReplay {
        let viewer: ArchiveClient
        let flow: UInt32
        let archive: Roster.Member
        /// Frames that the viewer still accepts.
        var credit: UInt32
        /// Frames that were requested and have not been sent to the viewer.
        var inFlight: UInt32 = 0
        /// The part of `inFlight` that the archive has not sent.
        var expected: UInt32 = 0
        /// Sizes of the frames that wait for the viewer, bytes.
        var waiting: Deque<Int> = []
        var waitingBytes = 0
        /// When the archive was last reminded; at first, when a tick first saw that it owes frames.
        var reminded: MonotonicTime?
    }

    private struct ViewerFlow: Hashable {
        let viewer: UInt64
        let flow: UInt32
    }

    /// Maximum frames of one replay that are on their way or in memory here.
    static let frameWindow: UInt32 = 16
    /// Bytes that wait for one viewer, and for all viewers of one archive, above which no further frames are requested.
    static let replayPauseBytes = 4 << 20
    static let archivePauseBytes = 64 << 20
    /// Bytes that wait for one viewer, and for all viewers of one archive, above which a replay is ended. An archive that
    /// keeps its own limits stays below.
    static let replayByteLimit = 32 << 20
    static let archiveByteLimit = 128 << 20
    /// Time between two reminders of a replay that owes frames.
    static let reminderInterval = Duration.seconds(2)

    private var replays: [UInt32: ActiveReplay] = [:]
    private var flows: [ViewerFlow: UInt32] = [:]

    /// Returns whether a number is that of a replay.
    func contains(_ number: UInt32) -> Bool { replays[number] != nil }

    // MARK: From viewers

    /// Starts a replay. The viewer has no other one with this flow number.
    ///
    /// - Parameter number: the proxy's own number of the flow from the archive.
    mutating func start(
        _ replay: Replay, number: UInt32, at archive: Roster.Member, for viewer: ArchiveClient
    ) -> Action {
        let first = min(replay.credit, ReplayProxy.frameWindow)
        flows[ViewerFlow(viewer: viewer.id, flow: replay.flow)] = number
        replays[number] = ActiveReplay(
            viewer: viewer, flow: replay.flow, archive: archive, credit: replay.credit - first, inFlight: first,
            expected: first)
        let message = Replay(
            flow: number, credit: first, interval: replay.interval, content: replay.content, from: replay.from,
            to: replay.to, volume: replay.volume, camera: replay.camera)
        return .send(message, to: archive)
    }

    /// Adds frames that the viewer accepts.
    mutating func addCredit(_ frames: UInt32, to flow: UInt32, of viewer: ArchiveClient) -> [Action] {
        guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
        replays[number]!.credit = min(replays[number]!.credit + frames, WireLimits.credit)
        return requestFrames(number)
    }

    /// Records that the oldest waiting frame was sent to the viewer.
    mutating func recordSent(_ flow: UInt32, of viewer: ArchiveClient) -> [Action] {
        guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
        replays[number]!.inFlight -= min(1, replays[number]!.inFlight)
        replays[number]!.waitingBytes -= replays[number]!.waiting.popFirst() ?? 0
        return requestFrames(number)
    }

    mutating func end(_ flow: UInt32, of viewer: ArchiveClient) -> [Action] {
        end(ViewerFlow(viewer: viewer.id, flow: flow))
    }

    mutating func endAll(of viewer: ArchiveClient) -> [Action] {
        flows.keys.filter { $0.viewer == viewer.id }.flatMap { end($0) }
    }

    private mutating func end(_ key: ViewerFlow) -> [Action] {
        guard let number = flows.removeValue(forKey: key), let replay = replays.removeValue(forKey: number) else {
            return []
        }
        return [.send(CloseFlow(flow: number, reason: .done), to: replay.archive)]
    }

    /// Requests as many further frames as the viewer accepts and the window allows.
    private mutating func requestFrames(_ number: UInt32) -> [Action] {
        guard let replay = replays[number], replay.inFlight < ReplayProxy.frameWindow,
            replay.waitingBytes < ReplayProxy.replayPauseBytes,
            waitingBytes(from: replay.archive) < ReplayProxy.archivePauseBytes
        else { return [] }
        let more = min(replay.credit, ReplayProxy.frameWindow - replay.inFlight)
        guard more > 0 else { return [] }
        replays[number]!.credit -= more
        replays[number]!.inFlight += more
        replays[number]!.expected += more
        return [.send(Credit(flow: number, frames: more), to: replay.archive)]
    }

    /// Bytes of an archive's frames that wait for their viewers.
    private func waitingBytes(from archive: Roster.Member) -> Int {
        replays.values.reduce(0) { $0 + ($1.archive == archive ? $1.waitingBytes : 0) }
    }

    // MARK: From archives

    mutating func forward(_ frame: Frame, _ message: Span<UInt8>, from archive: Roster.Member) -> [Action] {
        guard let replay = replays[frame.flow], replay.archive == archive, replay.expected > 0,
            frame.format == .jpeg
        else { return [] }
        guard replay.waitingBytes + message.count <= ReplayProxy.replayByteLimit,
            waitingBytes(from: archive) + message.count <= ReplayProxy.archiveByteLimit
        else {
            let close = CloseFlow(flow: replay.flow, reason: .tooMany, detail: "too many bytes wait for the viewer")
            return end(replay.flow, of: replay.viewer) + [.answer(.close(close), viewer: replay.viewer)]
        }
        replays[frame.flow]!.expected -= 1
        replays[frame.flow]!.waiting.append(message.count)
        replays[frame.flow]!.waitingBytes += message.count
        var buffer = unsafe message.withUnsafeBufferPointer { unsafe ByteBuffer(bytes: $0) }
        // The viewer's flow number replaces ours; it follows the envelope and headerLength.
        buffer.setInteger(replay.flow, at: Envelope.size + 2, endianness: .little)
        return [.answer(.frame(buffer, flow: replay.flow), viewer: replay.viewer)]
    }

    /// Forwards the end of a replay.
    mutating func forward(_ close: CloseFlow, from archive: Roster.Member) -> [Action] {
        guard replays[close.flow]?.archive == archive else { return [] }
        return [remove(close.flow, close.reason, close.detail)]
    }

    // MARK: Membership and time

    /// Ends the replays of archives that are gone.
    mutating func endAll(from gone: Set<Roster.Member>) -> [Action] {
        replays.filter { gone.contains($0.value.archive) }.keys.map { remove($0, .shutdown, "the archive is gone") }
    }

    /// Removes a replay that its archive has ended, and tells the viewer.
    private mutating func remove(_ number: UInt32, _ reason: CloseReason, _ detail: String) -> Action {
        let replay = replays.removeValue(forKey: number)!
        flows[ViewerFlow(viewer: replay.viewer.id, flow: replay.flow)] = nil
        return .answer(.close(CloseFlow(flow: replay.flow, reason: reason, detail: detail)), viewer: replay.viewer)
    }

    /// Requests further frames, and sends reminders.
    mutating func tick(now: MonotonicTime) -> [Action] {
        replays.keys.sorted().flatMap { requestFrames($0) } + sendReminders(now)
    }

    /// Reminds archives of replays that owe frames. An archive that restarted has lost the replay and then closes it.
    private mutating func sendReminders(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for (number, replay) in replays.sorted(by: { $0.key < $1.key }) where replay.expected > 0 {
            guard let reminded = replay.reminded else {
                replays[number]!.reminded = now
                continue
            }
            guard now - reminded > ReplayProxy.reminderInterval else { continue }
            replays[number]!.reminded = now
            actions.append(.send(Credit(flow: number, frames: 0), to: replay.archive))
        }
        return actions
    }
}
