import DequeModule
import NIOCore
import SecamBase
import SecamMesh
import SecamRegistry
import SecamWire

/// Forwards viewers' queries and replays to the archives, and the archives' answers back to the viewers.
///
/// The proxy probes each archive for its volume as soon as the archive is reachable. It accepts answers for this volume
/// only, and only when the archive owns the volume. When several archives hold one volume, the proxy queries one of them
/// and fails over to the next.
///
/// A state machine without I/O: time is an argument, and the caller carries out the returned actions.
struct ArchiveProxy {
    enum Action {
        case send(any WireMessage, to: Roster.Member)
        case answer(ArchiveAnswer, viewer: ArchiveClient)
        /// The owners of volumes changed and must be stored.
        case store(VolumeOwners)
        /// The archive reported a volume that it owns.
        case identified(Roster.Member)
        /// The archive sent a message that the proxy rejects.
        case rejected(Roster.Member, reason: String)
    }

    /// A reachable archive.
    private struct KnownArchive {
        /// The name that owns its volume (see `VolumeOwners`).
        let owner: String
        /// The number of the probe that the archive has not answered.
        var probe: UInt32?
        let reached: MonotonicTime
        var probed: MonotonicTime
        /// `nil` until the archive reports a volume that it owns.
        var volume: UInt64?
        /// The archive left a query unanswered and has answered none since.
        var isSilent = false
        /// Grows with each archive that is reached. The proxy prefers the archive that it has known longest.
        let order: UInt64
        var turns = QueryTurns()
    }

    /// The part of an answer that one volume still owes.
    private struct PendingAnswer {
        let archive: Roster.Member
        let since: MonotonicTime
        /// `nil` while the query waits for its user's turn.
        var sent: MonotonicTime?
        var messages = 0
        /// Recordings, events and gaps that were forwarded.
        var entries = 0
        var delivered = DeliveredEntries()
    }

    private struct PendingQuery {
        let viewer: ArchiveClient
        let request: UInt32
        /// Builds the query for one archive, with the proxy's own number.
        let message: (UInt32) -> any WireMessage
        /// `nil` for a query that protects recordings.
        let search: Search?
        /// Outstanding answers by volume.
        var waiting: [UInt64: PendingAnswer] = [:]
        /// Volumes that were queried.
        var asked: Set<UInt64> = []
        /// Archives whose volume is not known yet.
        var unidentified: Set<Roster.Member>
        /// The answer may be incomplete.
        var isPartial: Bool
        /// The answer is complete from this time on, UTC microseconds.
        var completeSince = WireLimits.times.lowerBound
        let since: MonotonicTime
    }

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
        /// When the archive was last asked for something.
        var asked: MonotonicTime?
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
    /// How long a query waits for an archive.
    static let answerTimeout = Duration.seconds(5)
    /// How long a query waits for an archive when another archive holds the volume too.
    static let replicaTimeout = Duration.seconds(2)
    /// How long a query waits for an archive that left the previous query unanswered.
    static let silentTimeout = Duration.milliseconds(500)
    /// Time between two reminders of a replay that owes frames.
    static let reminderInterval = Duration.seconds(2)
    /// Time between two probes. An archive that has just joined may not admit the gateway yet.
    static let probeInterval = Duration.milliseconds(200)
    /// Maximum FOUND messages in one archive's answer.
    static let messagesPerAnswer = 1024
    /// Maximum recordings, events and gaps together in one archive's answer.
    static let entriesPerAnswer = 300_000

    private var archives: [Roster.Member: KnownArchive] = [:]
    private var lastOrder: UInt64 = 0
    private var owners: VolumeOwners
    /// The owners whose last archive left without answering its probe. Queries do not wait for the next archives of these
    /// owners, because these could come and go forever.
    private var unansweredOwners: Set<String> = []
    /// The gateway has just started, and archives may still be reconnecting.
    var isSettling = false
    private var queries: [UInt32: PendingQuery] = [:]
    private var replays: [UInt32: ActiveReplay] = [:]
    private var flows: [ViewerFlow: UInt32] = [:]
    private var lastNumber: UInt32 = 0

    init(owners: VolumeOwners = VolumeOwners()) { self.owners = owners }

    // MARK: From viewers

    mutating func handle(_ request: ArchiveRequest, from viewer: ArchiveClient, now: MonotonicTime) -> [Action] {
        switch request {
        case .search(let search):
            return query(for: viewer, search.request, search, now) { number in
                Search(
                    request: number, kinds: search.kinds, from: search.from, to: search.to, cameras: search.cameras,
                    limit: search.limit)
            }
        case .protect(let protect):
            return query(for: viewer, protect.request, nil, now) { number in
                Protect(
                    request: number, protected: protect.protected, from: protect.from, to: protect.to,
                    camera: protect.camera)
            }
        case .replay(let replay): return startReplay(replay, for: viewer)
        case .credit(let flow, let frames):
            guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
            replays[number]!.credit = min(replays[number]!.credit + frames, WireLimits.credit)
            return requestFrames(number)
        case .sent(let flow):
            guard let number = flows[ViewerFlow(viewer: viewer.id, flow: flow)] else { return [] }
            replays[number]!.inFlight -= min(1, replays[number]!.inFlight)
            replays[number]!.waitingBytes -= replays[number]!.waiting.popFirst() ?? 0
            return requestFrames(number)
        case .close(let flow): return endReplay(ViewerFlow(viewer: viewer.id, flow: flow))
        case .disconnected:
            queries = queries.filter { $0.value.viewer.id != viewer.id }
            return flows.keys.filter { $0.viewer == viewer.id }.flatMap { endReplay($0) }
        }
    }

    private mutating func query(
        for viewer: ArchiveClient, _ request: UInt32, _ search: Search?, _ now: MonotonicTime,
        _ message: @escaping (UInt32) -> any WireMessage
    ) -> [Action] {
        let number = nextNumber()
        let volumes = Set(archives.values.compactMap(\.volume)).sorted()
        let new = archives.filter {
            $0.value.probe != nil && now - $0.value.reached <= ArchiveProxy.answerTimeout
        }
        let unidentified = new.filter { !unansweredOwners.contains($0.value.owner) }
        queries[number] = PendingQuery(
            viewer: viewer, request: request, message: message, search: search, unidentified: Set(unidentified.keys),
            isPartial: isSettling || unidentified.count < new.count || (volumes.isEmpty && unidentified.isEmpty), since: now)
        var actions: [Action] = []
        for volume in volumes { actions += query(volume, number, now) }
        return actions + concludeIfComplete(number)
    }

    /// Queries one of the archives that hold this volume.
    private mutating func query(_ volume: UInt64, _ number: UInt32, _ now: MonotonicTime) -> [Action] {
        guard let query = queries[number], let archive = holder(of: volume) else { return [] }
        queries[number]!.asked.insert(volume)
        queries[number]!.waiting[volume] = PendingAnswer(archive: archive, since: now)
        archives[archive]!.turns.add(number, of: query.viewer.user)
        return sendQueries(to: archive, now)
    }

    /// Sends the queries whose turn it is.
    private mutating func sendQueries(to archive: Roster.Member, _ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        while let volume = archives[archive]?.volume, let number = archives[archive]?.turns.next(now: now) {
            guard let query = queries[number], query.waiting[volume]?.archive == archive else {
                // The query is over.
                archives[archive]!.turns.recordAnswer(number)
                continue
            }
            queries[number]!.waiting[volume]!.sent = now
            actions.append(.send(query.message(number), to: archive))
        }
        return actions
    }

    /// Returns the archive that answers for a volume: the longest known archive that is not silent.
    private func holder(of volume: UInt64) -> Roster.Member? {
        archives.filter { $0.value.volume == volume }
            .min { left, right in
                left.value.isSilent == right.value.isSilent
                    ? left.value.order < right.value.order : right.value.isSilent
            }?.key
    }

    private mutating func startReplay(_ replay: Replay, for viewer: ArchiveClient) -> [Action] {
        let key = ViewerFlow(viewer: viewer.id, flow: replay.flow)
        let ended = endReplay(key)
        guard let archive = holder(of: replay.volume) else {
            return ended + [.answer(.close(CloseFlow(flow: replay.flow, reason: .done)), viewer: viewer)]
        }
        let number = nextNumber()
        let first = min(replay.credit, ArchiveProxy.frameWindow)
        flows[key] = number
        replays[number] = ActiveReplay(
            viewer: viewer, flow: replay.flow, archive: archive, credit: replay.credit - first, inFlight: first,
            expected: first)
        let message = Replay(
            flow: number, credit: first, interval: replay.interval, content: replay.content, from: replay.from,
            to: replay.to, volume: replay.volume, camera: replay.camera)
        return ended + [.send(message, to: archive)]
    }

    /// Requests as many further frames as the viewer accepts and the window allows.
    private mutating func requestFrames(_ number: UInt32) -> [Action] {
        guard let replay = replays[number], replay.inFlight < ArchiveProxy.frameWindow,
            replay.waitingBytes < ArchiveProxy.replayPauseBytes,
            waitingBytes(from: replay.archive) < ArchiveProxy.archivePauseBytes
        else { return [] }
        let more = min(replay.credit, ArchiveProxy.frameWindow - replay.inFlight)
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

    private mutating func endReplay(_ key: ViewerFlow) -> [Action] {
        guard let number = flows.removeValue(forKey: key), let replay = replays.removeValue(forKey: number) else {
            return []
        }
        return [.send(CloseFlow(flow: number, reason: .done), to: replay.archive)]
    }

    /// Returns a number that is not 0 and not in use.
    private mutating func nextNumber() -> UInt32 {
        repeat {
            lastNumber &+= 1
        } while lastNumber == 0 || queries[lastNumber] != nil || replays[lastNumber] != nil
            || archives.values.contains { $0.probe == lastNumber }
        return lastNumber
    }

    // MARK: From archives

    /// - Throws: when the message is malformed or of a type that archives do not send.
    mutating func receive(
        _ envelope: Envelope, _ bytes: Span<UInt8>, from archive: Roster.Member, now: MonotonicTime
    ) throws(WireError) -> [Action] {
        switch envelope.type {
        case .found: return try handleFound(envelope, bytes, from: archive, now)
        case .frame:
            let (frame, _) = try Frame.decode(bytes, envelope)
            return forward(frame, bytes.extracting(first: envelope.messageLength), from: archive)
        case .closeFlow:
            let close = try CloseFlow.decode(bytes, envelope)
            guard let replay = replays[close.flow], replay.archive == archive else { return [] }
            replays[close.flow] = nil
            flows[ViewerFlow(viewer: replay.viewer.id, flow: replay.flow)] = nil
            return [
                .answer(
                    .close(CloseFlow(flow: replay.flow, reason: close.reason, detail: close.detail)),
                    viewer: replay.viewer)
            ]
        default: throw .unknownType(envelope.type.rawValue)
        }
    }

    /// Handles an answer. The lists of an answer that no viewer waits for are not decoded: with them, an archive could keep
    /// the loop busy.
    private mutating func handleFound(
        _ envelope: Envelope, _ bytes: Span<UInt8>, from archive: Roster.Member, _ now: MonotonicTime
    ) throws(WireError) -> [Action] {
        let heading = try Found.decodeHeading(bytes, envelope)
        guard let known = archives[archive] else { return [] }
        if heading.request == known.probe { return identify(archive, heading.volume, now) }
        guard let volume = known.volume, volume == heading.volume else {
            let reason = "answer for volume \(VolumeOwners.text(of: heading.volume)), which this archive does not own"
            return [.rejected(archive, reason: reason)]
        }
        // The query may be over, or the proxy may have failed over to another archive meanwhile.
        let isAwaited = queries[heading.request]?.waiting[volume]?.archive == archive
        let found = isAwaited ? try Found.decode(bytes, envelope) : nil
        var next: [Action] = []
        if heading.last, archives[archive]!.turns.recordAnswer(heading.request) {
            archives[archive]!.isSilent = false
            next = sendQueries(to: archive, now)
        }
        return next + (found.map { forward($0, from: archive, volume) } ?? [])
    }

    /// Forwards a part of an answer to the viewer that waits for it.
    private mutating func forward(_ found: Found, from archive: Roster.Member, _ volume: UInt64) -> [Action] {
        guard let query = queries[found.request], var waiting = query.waiting[volume] else { return [] }
        let entries = found.recordings.count + found.events.count + found.gaps.count
        waiting.messages += 1
        waiting.entries += entries
        guard waiting.messages <= ArchiveProxy.messagesPerAnswer, waiting.entries <= ArchiveProxy.entriesPerAnswer
        else {
            queries[found.request]!.isPartial = true
            queries[found.request]!.waiting[volume] = nil
            let reason =
                "answer longer than \(ArchiveProxy.messagesPerAnswer) messages or \(ArchiveProxy.entriesPerAnswer) "
                + "entries"
            return [.rejected(archive, reason: reason)] + concludeIfComplete(found.request)
        }
        if let search = query.search { waiting.delivered.add(found, of: search) }
        queries[found.request]!.waiting[volume] = found.last ? nil : waiting
        if found.partial { queries[found.request]!.isPartial = true }
        var actions: [Action] = []
        if found.last, found.since > WireLimits.times.lowerBound {
            if waiting.delivered.supports(found.since, of: query.search) {
                queries[found.request]!.completeSince = max(query.completeSince, found.since)
            } else {
                // Viewers discard entries that begin before `since`, whichever archive sent them. An archive could
                // hide the entries of others with it.
                queries[found.request]!.isPartial = true
                actions.append(.rejected(archive, reason: "answer omits more entries than its limit explains"))
            }
        }
        if entries > 0 {
            let forwarded = Found(
                request: query.request, last: false, volume: volume, recordings: found.recordings,
                events: found.events, gaps: found.gaps)
            actions.append(.answer(.found(forwarded), viewer: query.viewer))
        }
        return actions + concludeIfComplete(found.request)
    }

    /// Handles an archive's answer to a probe: the volume that it holds.
    private mutating func identify(_ archive: Roster.Member, _ volume: UInt64, _ now: MonotonicTime) -> [Action] {
        guard let owner = archives[archive]?.owner, volume != 0 else { return refuse(archive, "archive has no volume") }
        var actions: [Action] = []
        switch owners.claim(volume, by: owner, present: Set(archives.values.compactMap(\.volume))) {
        case .owned: break
        case .registered: actions.append(.store(owners))
        case .foreign(let owner):
            return refuse(
                archive,
                "volume \(VolumeOwners.text(of: volume)) belongs to archive '\(owner)'; if the volume moved to this "
                    + "archive, run: secam keys revoke '\(owner)'")
        case .tooMany: return refuse(archive, "archive '\(owner)' already has \(VolumeOwners.volumesPerName) volumes")
        }
        unansweredOwners.remove(owner)
        archives[archive]!.probe = nil
        archives[archive]!.volume = volume
        archives[archive]!.isSilent = false
        actions.append(.identified(archive))
        for number in queries.keys.sorted() where queries[number]!.unidentified.remove(archive) != nil {
            if !queries[number]!.asked.contains(volume) { actions += query(volume, number, now) }
            actions += concludeIfComplete(number)
        }
        return actions
    }

    /// Rejects the volume that an archive reported. A later probe asks again.
    private mutating func refuse(_ archive: Roster.Member, _ reason: String) -> [Action] {
        archives[archive]!.probe = nil
        return [.rejected(archive, reason: reason)] + stopWaiting(forUnknown: archive)
    }

    private mutating func stopWaiting(forUnknown archive: Roster.Member) -> [Action] {
        queries.keys.sorted().flatMap { number -> [Action] in
            guard queries[number]!.unidentified.remove(archive) != nil else { return [] }
            queries[number]!.isPartial = true
            return concludeIfComplete(number)
        }
    }

    private mutating func forward(
        _ frame: Frame, _ message: Span<UInt8>, from archive: Roster.Member
    ) -> [Action] {
        guard let replay = replays[frame.flow], replay.archive == archive, replay.expected > 0,
            frame.format == .jpeg
        else { return [] }
        guard replay.waitingBytes + message.count <= ArchiveProxy.replayByteLimit,
            waitingBytes(from: archive) + message.count <= ArchiveProxy.archiveByteLimit
        else {
            let key = ViewerFlow(viewer: replay.viewer.id, flow: replay.flow)
            let close = CloseFlow(flow: replay.flow, reason: .tooMany, detail: "too many bytes wait for the viewer")
            return endReplay(key) + [.answer(.close(close), viewer: replay.viewer)]
        }
        replays[frame.flow]!.expected -= 1
        replays[frame.flow]!.waiting.append(message.count)
        replays[frame.flow]!.waitingBytes += message.count
        var buffer = unsafe message.withUnsafeBufferPointer { unsafe ByteBuffer(bytes: $0) }
        // The viewer's flow number replaces ours; it follows the envelope and headerLength.
        buffer.setInteger(replay.flow, at: Envelope.size + 2, endianness: .little)
        return [.answer(.frame(buffer, flow: replay.flow), viewer: replay.viewer)]
    }

    private mutating func concludeIfComplete(_ number: UInt32) -> [Action] {
        guard let query = queries[number], query.waiting.isEmpty, query.unidentified.isEmpty else { return [] }
        queries[number] = nil
        let last = Found(
            request: query.request, last: true, partial: query.isPartial, volume: 0, since: query.completeSince)
        return [.answer(.found(last), viewer: query.viewer)]
    }

    /// Fails over to another archive that holds the volume, unless the viewer has received a part of the answer already.
    private mutating func failOver(
        from archive: Roster.Member, _ volume: UInt64, _ number: UInt32, _ now: MonotonicTime
    ) -> [Action] {
        guard let waiting = queries[number]?.waiting.removeValue(forKey: volume) else { return [] }
        if waiting.entries == 0, let next = holder(of: volume), next != archive, !archives[next]!.isSilent {
            return query(volume, number, now)
        }
        queries[number]!.isPartial = true
        return concludeIfComplete(number)
    }

    // MARK: Membership and time

    /// Replaces the set of reachable archives.
    ///
    /// - Parameter present: the archives with their names in the key list.
    mutating func update(_ present: [Roster.Member: String], now: MonotonicTime) -> [Action] {
        let gone = Set(archives.keys).subtracting(present.keys)
        for archive in gone {
            guard let known = archives.removeValue(forKey: archive) else { continue }
            if known.probe != nil { unansweredOwners.insert(known.owner) }
        }
        var actions: [Action] = []
        for (number, replay) in replays where gone.contains(replay.archive) {
            replays[number] = nil
            flows[ViewerFlow(viewer: replay.viewer.id, flow: replay.flow)] = nil
            let close = CloseFlow(flow: replay.flow, reason: .shutdown, detail: "the archive is gone")
            actions.append(.answer(.close(close), viewer: replay.viewer))
        }
        for archive in gone { actions += stopWaiting(forUnknown: archive) }
        for number in queries.keys.sorted() {
            for (volume, waiting) in queries[number]?.waiting ?? [:] where gone.contains(waiting.archive) {
                actions += failOver(from: waiting.archive, volume, number, now)
            }
        }
        for (archive, owner) in present.sorted(by: { $0.key.name < $1.key.name }) where archives[archive] == nil {
            lastOrder += 1
            archives[archive] = KnownArchive(owner: owner, reached: now, probed: now, order: lastOrder)
            actions.append(probe(archive, nextNumber(), now))
        }
        return actions
    }

    /// Asks an archive for its volume, with a search that finds nothing.
    private mutating func probe(_ archive: Roster.Member, _ number: UInt32, _ now: MonotonicTime) -> Action {
        archives[archive]!.probe = number
        archives[archive]!.probed = now
        return .send(Search(request: number, kinds: .gaps, from: 0, to: 1), to: archive)
    }

    /// Releases the volumes of archives that are no longer on the key list.
    mutating func release(notOn list: KeyList) -> [Action] {
        owners.release(notOn: list) ? [.store(owners)] : []
    }

    /// Applies timeouts, sends reminders and repeats probes. Called several times a second.
    mutating func tick(now: MonotonicTime) -> [Action] {
        expireQueries(now) + archives.keys.sorted { $0.name < $1.name }.flatMap { sendQueries(to: $0, now) }
            + replays.keys.sorted().flatMap { requestFrames($0) } + remindReplays(now)
            + repeatProbes(now)
    }

    private mutating func expireQueries(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for number in queries.keys.sorted() {
            for (volume, waiting) in queries[number]?.waiting ?? [:]
            where now - waiting.since > timeout(of: waiting.archive, volume) {
                // An archive that is busy with the queries of other users is not silent.
                if waiting.sent == waiting.since { archives[waiting.archive]?.isSilent = true }
                archives[waiting.archive]?.turns.removeWaiting(number)
                actions += failOver(from: waiting.archive, volume, number, now)
            }
            guard let query = queries[number], now - query.since > ArchiveProxy.answerTimeout else { continue }
            queries[number]!.isPartial = query.isPartial || !query.unidentified.isEmpty
            queries[number]!.unidentified = []
            actions += concludeIfComplete(number)
        }
        return actions
    }

    /// Reminds archives of replays that owe frames. An archive that restarted has lost the replay and then closes it.
    private mutating func remindReplays(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for (number, replay) in replays.sorted(by: { $0.key < $1.key }) where replay.expected > 0 {
            guard let asked = replay.asked else {
                replays[number]!.asked = now
                continue
            }
            guard now - asked > ArchiveProxy.reminderInterval else { continue }
            replays[number]!.asked = now
            actions.append(.send(Credit(flow: number, frames: 0), to: replay.archive))
        }
        return actions
    }

    private mutating func repeatProbes(_ now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for (archive, known) in archives.sorted(by: { $0.key.name < $1.key.name }) where known.volume == nil {
            let isNew = known.probe != nil && now - known.reached <= ArchiveProxy.answerTimeout
            let interval = isNew ? ArchiveProxy.probeInterval : ArchiveProxy.answerTimeout
            guard now - known.probed > interval else { continue }
            actions.append(probe(archive, known.probe ?? nextNumber(), now))
        }
        return actions
    }

    private func timeout(of archive: Roster.Member, _ volume: UInt64) -> Duration {
        if archives[archive]?.isSilent == true { return ArchiveProxy.silentTimeout }
        let hasReplica = archives.contains { $0.key != archive && $0.value.volume == volume && !$0.value.isSilent }
        return hasReplica ? ArchiveProxy.replicaTimeout : ArchiveProxy.answerTimeout
    }
}

/// The entries that one archive sent in answer to one search. They bound the time from which its answer can be complete.
private struct DeliveredEntries {
    private struct Kind {
        var count = 0
        /// UTC microseconds.
        var oldest = Int64.max

        mutating func add(_ start: Int64, before end: Int64) {
            guard start < end else { return }
            count += 1
            oldest = min(oldest, start)
        }
    }

    private var recordings = Kind()
    private var events = Kind()
    private var gaps = Kind()

    /// Counts the entries of the kinds that were searched for.
    mutating func add(_ found: Found, of search: Search) {
        if search.kinds.contains(.recordings) {
            for entry in found.recordings { recordings.add(entry.start, before: search.to) }
        }
        if search.kinds.contains(.events) {
            for entry in found.events { events.add(entry.event.start, before: search.to) }
        }
        if search.kinds.contains(.gaps) { for entry in found.gaps { gaps.add(entry.start, before: search.to) } }
    }

    /// Returns whether the search's limit explains an answer without the entries before `since`: the archive must have
    /// sent as many entries of one kind as the limit allows, all of which begin at `since` or later.
    ///
    /// - Parameter since: UTC microseconds.
    func supports(_ since: Int64, of search: Search?) -> Bool {
        guard let search else { return false }
        return [recordings, events, gaps].contains { $0.count >= Int(search.limit) && since <= $0.oldest }
    }
}
