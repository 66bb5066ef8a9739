import SecamBase
import SecamMesh
import SecamRegistry
import SecamWire

/// Forwards viewers' queries and replays to the archives, and the archives' answers back to the viewers. `ReplayProxy`
/// handles the replays.
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

    /// How long a query waits for an archive.
    static let answerTimeout = Duration.seconds(5)
    /// How long a query waits for an archive when another archive holds the volume too.
    static let replicaTimeout = Duration.seconds(2)
    /// How long a query waits for an archive that left the previous query unanswered.
    static let silentTimeout = Duration.milliseconds(500)
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
    private var replays = ReplayProxy()
    private var lastNumber: UInt32 = 0

    init(owners: VolumeOwners = VolumeOwners()) { self.owners = owners }

    // MARK: From viewers

    mutating func handle(_ request: ArchiveRequest, from viewer: ArchiveClient, now: MonotonicTime) -> [Action] {
        switch request {
        case .search(let search):
            return query(for: viewer, request: search.request, search: search, now: now) { number in
                Search(
                    request: number, kinds: search.kinds, from: search.from, to: search.to, cameras: search.cameras,
                    limit: search.limit)
            }
        case .protect(let protect):
            return query(for: viewer, request: protect.request, search: nil, now: now) { number in
                Protect(
                    request: number, protected: protect.protected, from: protect.from, to: protect.to,
                    camera: protect.camera)
            }
        case .replay(let replay):
            let ended = replays.end(replay.flow, of: viewer)
            guard let archive = holder(of: replay.volume) else {
                return ended + [.answer(.close(CloseFlow(flow: replay.flow, reason: .done)), viewer: viewer)]
            }
            return ended + [replays.start(replay, number: nextNumber(), at: archive, for: viewer)]
        case .credit(let flow, let frames): return replays.addCredit(frames, to: flow, of: viewer)
        case .sent(let flow): return replays.recordSent(flow, of: viewer)
        case .close(let flow): return replays.end(flow, of: viewer)
        case .disconnected:
            queries = queries.filter { $0.value.viewer.id != viewer.id }
            return replays.endAll(of: viewer)
        }
    }

    private mutating func query(
        for viewer: ArchiveClient, request: UInt32, search: Search?, now: MonotonicTime,
        message: @escaping (UInt32) -> any WireMessage
    ) -> [Action] {
        let number = nextNumber()
        let volumes = Set(archives.values.compactMap(\.volume)).sorted()
        let new = archives.filter {
            $0.value.probe != nil && now - $0.value.reached <= ArchiveProxy.answerTimeout
        }
        let unidentified = new.filter { !unansweredOwners.contains($0.value.owner) }
        queries[number] = PendingQuery(
            viewer: viewer, request: request, message: message, search: search, unidentified: Set(unidentified.keys),
            isPartial: isSettling || unidentified.count < new.count || (volumes.isEmpty && unidentified.isEmpty),
            since: now)
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

    /// Returns a number that is not 0 and not in use.
    private mutating func nextNumber() -> UInt32 {
        repeat {
            lastNumber &+= 1
        } while lastNumber == 0 || queries[lastNumber] != nil || replays.contains(lastNumber)
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
            return replays.forward(frame, bytes.extracting(first: envelope.messageLength), from: archive)
        case .closeFlow: return replays.forward(try CloseFlow.decode(bytes, envelope), from: archive)
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
        var actions = replays.endAll(from: gone)
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
            + replays.tick(now: now) + repeatProbes(now)
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
