import NIOCore
import SecamBase
import SecamMesh
import SecamRegistry
import SecamWire

/// Passes viewers' questions about the past on to the archives, and their answers back.
///
/// Each archive is asked for its volume as soon as it can be reached. From then on it is believed about this volume alone,
/// and only if it is its own. Of several archives that share a volume one is asked, and the next one when that fails.
///
/// A state machine without I/O: time is an argument, what is to be sent is returned.
struct ArchiveProxy {
    enum Action {
        case ask(any WireMessage, archive: Roster.Member)
        case answer(ArchiveAnswer, viewer: ArchiveClient)
        /// The owners of volumes have changed and must be written down.
        case store(VolumeOwners)
        /// The archive has a volume of its own.
        case identified(Roster.Member)
        /// The archive sent something that is not believed; for the log.
        case refused(Roster.Member, reason: String)
    }

    /// What is known of an archive that can be reached.
    private struct Place {
        /// The name that owns its volume (see `VolumeOwners`).
        let owner: String
        /// The request that asks for its volume, while it has not been answered.
        var probe: UInt32?
        let reached: MonotonicTime
        var probed: MonotonicTime
        /// `nil` until it has told of one that is its own.
        var volume: UInt64?
        /// It left a question unanswered and has said nothing since.
        var isSilent = false
        /// Grows with each archive that is reached: the longest known one is asked first.
        let order: UInt64
    }

    /// What one volume still has to answer.
    private struct Waiting {
        let archive: Roster.Member
        let since: MonotonicTime
        var messages = 0
        /// Recordings, events and gaps that were passed on.
        var entries = 0
        var told = DeliveredEntries()
    }

    private struct PendingQuery {
        let viewer: ArchiveClient
        let request: UInt32
        let question: (UInt32) -> any WireMessage
        /// What is looked for; `nil` when recordings are protected.
        let search: Search?
        /// The volumes that have not answered.
        var waiting: [UInt64: Waiting] = [:]
        /// The volumes that were asked.
        var asked: Set<UInt64> = []
        /// Archives whose volume is not known yet.
        var unknown: Set<Roster.Member>
        /// There may be more than is told.
        var isPartial: Bool
        /// From when on the archives that have answered told everything, UTC microseconds.
        var complete = WireLimits.times.lowerBound
        let since: MonotonicTime
    }

    private struct Playing {
        let viewer: ArchiveClient
        let flow: UInt32
        let archive: Roster.Member
        /// Frames that the viewer takes.
        var credit: UInt32
        /// Frames that were asked for and have not left for the viewer.
        var underWay: UInt32 = 0
        /// Of these, those that have not come from the archive.
        var expected: UInt32 = 0
        /// When the archive was asked for something last.
        var asked: MonotonicTime?
    }

    private struct ViewerFlow: Hashable {
        let viewer: UInt64
        let flow: UInt32
    }

    /// Frames of one replay that may be under way or in memory here.
    static let window: UInt32 = 16
    /// Microseconds after which an archive that is silent is not waited for.
    static let patience: Int64 = 5_000_000
    /// The same where another archive has the volume too.
    static let patienceWithAnother: Int64 = 2_000_000
    /// The same for an archive that left the question before unanswered.
    static let patienceWithSilent: Int64 = 500_000
    /// Microseconds between two signs of life about a replay of which frames are to come.
    static let reminderInterval: Int64 = 2_000_000
    /// Microseconds between two questions for a volume: an archive that has just joined may not let us in yet.
    static let probeInterval: Int64 = 200_000
    /// FOUND messages, and recordings, events and gaps together, that one archive may answer with.
    static let messagesPerAnswer = 1024
    static let entriesPerAnswer = 300_000

    private var archives: [Roster.Member: Place] = [:]
    private var lastOrder: UInt64 = 0
    private var owners: VolumeOwners
    /// Whether archives that are missing may only not have come back yet.
    var isSettling = false
    private var askings: [UInt32: PendingQuery] = [:]
    private var playings: [UInt32: Playing] = [:]
    private var flows: [ViewerFlow: UInt32] = [:]
    private var lastNumber: UInt32 = 0

    init(owners: VolumeOwners = VolumeOwners()) { self.owners = owners }

    // MARK: From viewers

    mutating func take(_ request: ArchiveRequest, from viewer: ArchiveClient, now: MonotonicTime) -> [Action] {
        switch request {
        case .search(let search):
            return ask(viewer, search.request, search, now) { number in
                Search(
                    request: number, kinds: search.kinds, from: search.from, to: search.to, cameras: search.cameras,
                    limit: search.limit)
            }
        case .protect(let protect):
            return ask(viewer, protect.request, nil, now) { number in
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
        _ viewer: ArchiveClient, _ request: UInt32, _ search: Search?, _ now: MonotonicTime,
        _ question: @escaping (UInt32) -> any WireMessage
    ) -> [Action] {
        let number = nextNumber()
        let volumes = Set(archives.values.compactMap(\.volume)).sorted()
        let unknown = archives.filter { $0.value.probe != nil && now.since($0.value.reached) <= ArchiveProxy.patience }
        askings[number] = PendingQuery(
            viewer: viewer, request: request, question: question, search: search, unknown: Set(unknown.keys),
            isPartial: isSettling || (volumes.isEmpty && unknown.isEmpty), since: now)
        var actions: [Action] = []
        for volume in volumes { actions += ask(volume, number, now) }
        return actions + concludeIfComplete(number)
    }

    /// Asks one of the archives that have this volume.
    private mutating func ask(_ volume: UInt64, _ number: UInt32, _ now: MonotonicTime) -> [Action] {
        guard let asking = askings[number], let archive = holder(of: volume) else { return [] }
        askings[number]!.asked.insert(volume)
        askings[number]!.waiting[volume] = Waiting(archive: archive, since: now)
        return [.ask(asking.question(number), archive: archive)]
    }

    /// The archive that answers for a volume: the longest known one that is not silent.
    private func holder(of volume: UInt64) -> Roster.Member? {
        archives.filter { $0.value.volume == volume }
            .min { left, right in
                left.value.isSilent == right.value.isSilent
                    ? left.value.order < right.value.order : right.value.isSilent
            }?.key
    }

    private mutating func play(_ replay: Replay, _ viewer: ArchiveClient) -> [Action] {
        let key = ViewerFlow(viewer: viewer.id, flow: replay.flow)
        let ended = end(key)
        guard let archive = holder(of: replay.volume) else {
            return ended + [.answer(.close(CloseFlow(flow: replay.flow, reason: .done)), viewer: viewer)]
        }
        let number = nextNumber()
        let first = min(replay.credit, ArchiveProxy.window)
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
        guard let playing = playings[number], playing.underWay < ArchiveProxy.window else { return [] }
        let more = min(playing.credit, ArchiveProxy.window - playing.underWay)
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
            || archives.values.contains { $0.probe == lastNumber }
        return lastNumber
    }

    // MARK: From archives

    /// - Throws: for what is no message that an archive may send.
    mutating func receive(
        _ envelope: Envelope, _ bytes: Span<UInt8>, from archive: Roster.Member, now: MonotonicTime
    ) throws(WireError) -> [Action] {
        switch envelope.type {
        case .found: return take(try Found.decode(bytes, envelope), from: archive, now)
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

    private mutating func take(_ found: Found, from archive: Roster.Member, _ now: MonotonicTime) -> [Action] {
        guard let place = archives[archive] else { return [] }
        if found.request == place.probe { return identify(archive, found.volume, now) }
        guard let volume = place.volume, volume == found.volume else {
            let reason = "it answers for volume \(VolumeOwners.text(of: found.volume)), which is not its own"
            return [.refused(archive, reason: reason)]
        }
        archives[archive]!.isSilent = false
        // It may be the answer to a question that is over, or that another archive was asked meanwhile.
        guard let asking = askings[found.request], var waiting = asking.waiting[volume], waiting.archive == archive
        else {
            return []
        }
        let entries = found.recordings.count + found.events.count + found.gaps.count
        waiting.messages += 1
        waiting.entries += entries
        guard waiting.messages <= ArchiveProxy.messagesPerAnswer, waiting.entries <= ArchiveProxy.entriesPerAnswer
        else {
            askings[found.request]!.isPartial = true
            askings[found.request]!.waiting[volume] = nil
            return [.refused(archive, reason: "its answer does not end")] + concludeIfComplete(found.request)
        }
        if let search = asking.search { waiting.told.add(found, of: search) }
        askings[found.request]!.waiting[volume] = found.last ? nil : waiting
        if found.partial { askings[found.request]!.isPartial = true }
        var actions: [Action] = []
        if found.last, found.since > WireLimits.times.lowerBound {
            if waiting.told.supports(found.since, of: asking.search) {
                askings[found.request]!.complete = max(asking.complete, found.since)
            } else {
                // Viewers pass over what begins before `since`, whichever archive told it.
                askings[found.request]!.isPartial = true
                actions.append(.refused(archive, reason: "its answer leaves out more than its entries account for"))
            }
        }
        if entries > 0 {
            let passed = Found(
                request: asking.request, last: false, volume: volume, recordings: found.recordings,
                events: found.events, gaps: found.gaps)
            actions.append(.answer(.found(passed), viewer: asking.viewer))
        }
        return actions + concludeIfComplete(found.request)
    }

    /// An archive tells which volume it has.
    private mutating func identify(_ archive: Roster.Member, _ volume: UInt64, _ now: MonotonicTime) -> [Action] {
        guard let owner = archives[archive]?.owner, volume != 0 else { return refuse(archive, "it has no volume") }
        var actions: [Action] = []
        switch owners.claim(volume, by: owner, present: Set(archives.values.compactMap(\.volume))) {
        case .owned: break
        case .registered: actions.append(.store(owners))
        case .foreign(let owner):
            return refuse(
                archive,
                "volume \(VolumeOwners.text(of: volume)) belongs to archive '\(owner)'; if it has moved here, revoke that "
                    + "key (secam keys revoke)")
        case .tooMany: return refuse(archive, "'\(owner)' has \(VolumeOwners.volumesPerName) volumes now")
        }
        archives[archive]!.probe = nil
        archives[archive]!.volume = volume
        archives[archive]!.isSilent = false
        actions.append(.identified(archive))
        for number in askings.keys.sorted() where askings[number]!.unknown.remove(archive) != nil {
            if !askings[number]!.asked.contains(volume) { actions += ask(volume, number, now) }
            actions += concludeIfComplete(number)
        }
        return actions
    }

    /// Nothing is believed of the archive; it is asked for its volume again later.
    private mutating func refuse(_ archive: Roster.Member, _ reason: String) -> [Action] {
        archives[archive]!.probe = nil
        return [.refused(archive, reason: reason)] + stopWaiting(forUnknown: archive)
    }

    private mutating func stopWaiting(forUnknown archive: Roster.Member) -> [Action] {
        askings.keys.sorted().flatMap { number -> [Action] in
            guard askings[number]!.unknown.remove(archive) != nil else { return [] }
            askings[number]!.isPartial = true
            return concludeIfComplete(number)
        }
    }

    private mutating func take(
        _ frame: Frame, _ message: Span<UInt8>, from archive: Roster.Member
    ) -> [Action] {
        guard let playing = playings[frame.flow], playing.archive == archive, playing.expected > 0,
            frame.format == .jpeg
        else { return [] }
        playings[frame.flow]!.expected -= 1
        var buffer = unsafe message.withUnsafeBufferPointer { unsafe ByteBuffer(bytes: $0) }
        // The viewer's own number, in place of ours, behind envelope and headerLength.
        buffer.setInteger(playing.flow, at: Envelope.size + 2, endianness: .little)
        return [.answer(.frame(buffer, flow: playing.flow), viewer: playing.viewer)]
    }

    private mutating func concludeIfComplete(_ number: UInt32) -> [Action] {
        guard let asking = askings[number], asking.waiting.isEmpty, asking.unknown.isEmpty else { return [] }
        askings[number] = nil
        let last = Found(
            request: asking.request, last: true, partial: asking.isPartial, volume: 0, since: asking.complete)
        return [.answer(.found(last), viewer: asking.viewer)]
    }

    /// The archive that was asked does not answer: another one that has the volume is asked, unless the viewer has been
    /// told a part already.
    private mutating func replace(_ archive: Roster.Member, _ volume: UInt64, _ number: UInt32, _ now: MonotonicTime)
        -> [Action]
    {
        guard let waiting = askings[number]?.waiting.removeValue(forKey: volume) else { return [] }
        if waiting.entries == 0, let next = holder(of: volume), next != archive, !archives[next]!.isSilent {
            return ask(volume, number, now)
        }
        askings[number]!.isPartial = true
        return concludeIfComplete(number)
    }

    // MARK: Who is there

    /// These archives can be reached now, each with its name in the list of keys.
    mutating func update(_ present: [Roster.Member: String], now: MonotonicTime) -> [Action] {
        let gone = Set(archives.keys).subtracting(present.keys)
        for archive in gone { archives[archive] = nil }
        var actions: [Action] = []
        for (number, playing) in playings where gone.contains(playing.archive) {
            playings[number] = nil
            flows[ViewerFlow(viewer: playing.viewer.id, flow: playing.flow)] = nil
            let close = CloseFlow(flow: playing.flow, reason: .shutdown, detail: "its archive is gone")
            actions.append(.answer(.close(close), viewer: playing.viewer))
        }
        for archive in gone { actions += stopWaiting(forUnknown: archive) }
        for number in askings.keys.sorted() {
            for (volume, waiting) in askings[number]?.waiting ?? [:] where gone.contains(waiting.archive) {
                actions += replace(waiting.archive, volume, number, now)
            }
        }
        for (archive, owner) in present.sorted(by: { $0.key.name < $1.key.name }) where archives[archive] == nil {
            lastOrder += 1
            archives[archive] = Place(owner: owner, reached: now, probed: now, order: lastOrder)
            actions.append(probe(archive, nextNumber(), now))
        }
        return actions
    }

    /// Asks an archive for its volume, with a search that finds nothing.
    private mutating func probe(_ archive: Roster.Member, _ number: UInt32, _ now: MonotonicTime) -> Action {
        archives[archive]!.probe = number
        archives[archive]!.probed = now
        return .ask(Search(request: number, kinds: .gaps, from: 0, to: 1), archive: archive)
    }

    /// Archives that are not on the list of keys any more lose their volumes.
    mutating func release(notOn list: Allowlist) -> [Action] {
        owners.release(notOn: list) ? [.store(owners)] : []
    }

    /// Time has passed: silent archives are not waited for any longer.
    mutating func tick(now: MonotonicTime) -> [Action] {
        var actions: [Action] = []
        for number in askings.keys.sorted() {
            for (volume, waiting) in askings[number]?.waiting ?? [:]
            where now.since(waiting.since) > patience(with: waiting.archive, volume) {
                archives[waiting.archive]?.isSilent = true
                actions += replace(waiting.archive, volume, number, now)
            }
            guard let asking = askings[number], now.since(asking.since) > ArchiveProxy.patience else { continue }
            askings[number]!.isPartial = asking.isPartial || !asking.unknown.isEmpty
            askings[number]!.unknown = []
            actions += concludeIfComplete(number)
        }
        // An archive that has lost the connection, or was started anew, knows nothing of a replay, and says so when asked.
        for (number, playing) in playings.sorted(by: { $0.key < $1.key }) where playing.expected > 0 {
            guard let asked = playing.asked else {
                playings[number]!.asked = now
                continue
            }
            guard now.since(asked) > ArchiveProxy.reminderInterval else { continue }
            playings[number]!.asked = now
            actions.append(.ask(Credit(flow: number, frames: 0), archive: playing.archive))
        }
        for (archive, place) in archives.sorted(by: { $0.key.name < $1.key.name })
        where place.volume == nil {
            let isNew = place.probe != nil && now.since(place.reached) <= ArchiveProxy.patience
            guard now.since(place.probed) > (isNew ? ArchiveProxy.probeInterval : ArchiveProxy.patience) else {
                continue
            }
            actions.append(probe(archive, place.probe ?? nextNumber(), now))
        }
        return actions
    }

    private func patience(with archive: Roster.Member, _ volume: UInt64) -> Int64 {
        if archives[archive]?.isSilent == true { return ArchiveProxy.patienceWithSilent }
        let hasAnother = archives.contains { $0.key != archive && $0.value.volume == volume && !$0.value.isSilent }
        return hasAnother ? ArchiveProxy.patienceWithAnother : ArchiveProxy.patience
    }
}

/// What one archive told in answer to one search: from it follows from when on its answer can be complete.
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

    /// Only what was asked for counts.
    mutating func add(_ found: Found, of search: Search) {
        if search.kinds.contains(.recordings) {
            for entry in found.recordings { recordings.add(entry.start, before: search.to) }
        }
        if search.kinds.contains(.events) {
            for entry in found.events { events.add(entry.event.start, before: search.to) }
        }
        if search.kinds.contains(.gaps) { for entry in found.gaps { gaps.add(entry.start, before: search.to) } }
    }

    /// Whether entries before `since` may have been left out: only where as many of one kind were told as were wanted,
    /// all of which begin then or later.
    ///
    /// - Parameter since: UTC microseconds.
    func supports(_ since: Int64, of search: Search?) -> Bool {
        guard let search else { return false }
        return [recordings, events, gaps].contains { $0.count >= Int(search.limit) && since <= $0.oldest }
    }
}
