import Logging
import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamWire
import Synchronization

/// The shared memory of a camera: its file, its socket, and the encoders that use it.
///
/// The capture thread writes pictures, the service's loop handles grants, and a thread of this class does all that may
/// block. Whatever fails, pictures travel in messages.
final class PictureMemory: Sendable {
    /// Time between two attempts to listen in the folder.
    private static let retryInterval: Duration = .seconds(10)
    /// Time between two memory files, which reserves memory and makes each encoder map it.
    private static let renewalInterval: Duration = .seconds(10)
    /// Time without a picture after which the memory is released.
    private static let idleTimeout: Duration = .seconds(30)
    /// Time after which memory that no encoder maps is released, and time until the next attempt.
    private static let unusedTimeout: Duration = .seconds(30)
    private static let unusedPause: Duration = .seconds(600)
    /// Number of released files that encoders still hold, at which no further file is made. Their memory counts to this
    /// process.
    static let heldFiles = 4
    /// Size of all files together, bytes.
    private static let totalBytes = 2 * WireLimits.memoryFile

    private struct State {
        /// The socket, while the thread listens.
        var socket: Name?
        var file: MemoryFile?
        /// Released files that encoders may still hold.
        var released: [MemoryFile] = []
        /// The shape of the file that the thread is to make.
        var wanted: MemoryShape?
        /// When the present file was made, or last had an encoder.
        var lastUse = MonotonicTime.now
        /// The earliest time for the next file.
        var nextFile = MonotonicTime.now
        var lastPicture = MonotonicTime.now
        var offers = MemoryOffers()
        var isCheckDue = false
        var isStopped = false
    }

    private let folder: String
    private let logger: Logger
    private let waker: Waker
    private let state = Mutex(State())
    private let end = AsyncStream<Void>.makeStream()

    /// Starts to share a camera's pictures.
    ///
    /// - Parameter folder: the folder of the socket.
    init(folder: String, logger: Logger) throws(SharingFailure) {
        self.folder = folder
        self.logger = logger
        waker = try Waker()
        DedicatedThread.start { [self] in
            run()
            end.continuation.finish()
        }
    }

    func stop() {
        state.withLock { state in
            state.isStopped = true
            state.file = nil
            state.released = []
        }
        waker.wake()
    }

    /// Returns once the socket is closed.
    func waitUntilStopped() async { for await _ in end.stream {} }

    // MARK: On the capture thread

    /// Writes a picture into shared memory.
    ///
    /// - Returns: `nil` without a free slot, or without an encoder that reads it.
    func slot<Failure: Error>(
        length: Int, now: MonotonicTime, fill: (inout MutableSpan<UInt8>) throws(Failure) -> Void
    ) throws(Failure) -> PictureSlot? {
        try file(for: length, now)?.slot(length: length, fill: fill)
    }

    private func file(for length: Int, _ now: MonotonicTime) -> MemoryFile? {
        let (file, isNew): (MemoryFile?, Bool) = state.withLock { state in
            guard state.socket != nil, state.offers.hasEncoders else { return (nil, false) }
            state.lastPicture = now
            if let file = state.file, length <= file.shape.pictureLimit {
                return (state.offers.encodersWithMapping(of: file.number) > 0 ? file : nil, false)
            }
            guard state.wanted == nil, now >= state.nextFile, let shape = MemoryShape(pictureLength: length)
            else { return (nil, false) }
            state.wanted = shape
            return (nil, true)
        }
        if isNew { waker.wake() }
        return file
    }

    // MARK: On the service's loop

    /// Handles a GRANT.
    ///
    /// - Parameter mapped: the memory file that it names; 0 for none.
    /// - Returns: the offer for its sender, if there is one to send.
    func handleGrant(from peer: PeerID, key: PublicKey, mapped: UInt64, now: MonotonicTime) -> Share? {
        let share: Share? = state.withLock { state in
            let file = state.socket == nil ? nil : state.file
            if !state.offers.knows(peer) { state.nextFile = min(state.nextFile, now + PictureMemory.renewalInterval) }
            let isOfferDue = state.offers.handleGrant(
                from: peer, key: key, mapped: mapped, of: file?.number, now: now)
            guard isOfferDue, let file, let socket = state.socket else { return nil }
            let ticket = PictureMemory.makeTicket()
            state.offers.recordOffer(ticket, of: file.number, to: peer, now: now)
            state.isCheckDue = true
            return Share(
                memory: file.number, slots: UInt16(file.shape.slots), slotLength: UInt32(file.shape.slotLength),
                ticket: ticket, socket: socket)
        }
        // The socket's file may be gone, which would be why the encoder has not come.
        if share != nil { waker.wake() }
        return share
    }

    /// Returns whether an encoder reads pictures from this file.
    func isMapped(_ file: MemoryFile, by peer: PeerID) -> Bool {
        state.withLock { $0.offers.hasMapped(file.number, peer) }
    }

    /// Number of encoders that use the memory.
    var encoders: Int {
        state.withLock { state in state.file.map { state.offers.encodersWithMapping(of: $0.number) } ?? 0 }
    }

    /// Forgets lost encoders, and releases memory that is not needed. Called once a second.
    ///
    /// - Returns: the withdrawal of the memory file, and its receivers.
    func tick(now: MonotonicTime, isConnected: (PeerID) -> Bool) -> Withdrawal? {
        state.withLock { state in
            state.offers.keep(where: isConnected)
            state.released.removeAll { !$0.isHeldElsewhere }
            guard let file = state.file else { return nil }
            if state.offers.encodersWithMapping(of: file.number) > 0 { state.lastUse = now }
            let isUnused = now - state.lastUse > PictureMemory.unusedTimeout
            guard isUnused || now - state.lastPicture > PictureMemory.idleTimeout else { return nil }
            if isUnused { state.nextFile = now + PictureMemory.unusedPause }
            return PictureMemory.withdraw(file, &state)
        }
    }

    /// Ends the offers to encoders whose key is no longer admitted. Releases the memory file if one of them has it, so that
    /// it sees no further picture, whether it unmaps the file or not.
    ///
    /// - Returns: the withdrawal of the memory file, and its receivers.
    func revoke(isAdmitted: (PublicKey) -> Bool) -> Withdrawal? {
        state.withLock { state in
            state.offers.revoke { !isAdmitted($0) }
            guard let file = state.file, state.offers.hasReceiver(of: file.number, where: { !isAdmitted($0) }) else {
                return nil
            }
            return PictureMemory.withdraw(file, &state)
        }
    }

    typealias Withdrawal = (message: Share, receivers: [PeerID])

    private static func withdraw(_ file: MemoryFile, _ state: inout State) -> Withdrawal? {
        state.file = nil
        state.released.append(file)
        let informed = state.offers.withdraw(file.number)
        // Without a socket, the encoders learn it from the next offer.
        guard let socket = state.socket else { return nil }
        let message = Share(
            memory: 0, slots: 0, slotLength: 0, ticket: [UInt8](repeating: 0, count: WireLimits.ticket), socket: socket)
        return (message, informed)
    }

    private static func makeTicket() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        let words = (0..<WireLimits.ticket / 8).map { _ in generator.next() }
        return words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }

    // MARK: On the thread of this class

    private func run() {
        var listener: MemoryListener?
        var nextAttempt = MonotonicTime.now
        var lastFailure: SharingFailure?
        while true {
            let (isStopped, isCheckDue) = state.withLock { state in
                defer { state.isCheckDue = false }
                return (state.isStopped, state.isCheckDue)
            }
            guard !isStopped else { return }
            if isCheckDue, let present = listener, !present.isReachable(in: folder) {
                listener = nil
                nextAttempt = .now
            }
            if listener == nil, nextAttempt <= .now {
                do throws(SharingFailure) {
                    listener = try MemoryListener(in: folder)
                    if lastFailure != nil {
                        logger.info("shared memory available", metadata: ["folder": "\(folder)"])
                    }
                    lastFailure = nil
                } catch {
                    if error != lastFailure { logFailure(error) }
                    lastFailure = error
                    nextAttempt = .now + PictureMemory.retryInterval
                }
            }
            let socket = listener?.name
            state.withLock { $0.socket = socket }
            makeFile()
            guard let present = listener else {
                waker.wait(PictureMemory.retryInterval)
                waker.reset()
                continue
            }
            for failure in present.serve(until: waker, redeem: redeem) {
                logger.warning("shared memory request refused", metadata: ["reason": "\(failure)"])
            }
            waker.reset()
        }
    }

    /// Makes the memory file that the capture thread has asked for.
    private func makeFile() {
        guard let shape = state.withLock(\.wanted) else { return }
        var file: MemoryFile?
        do throws(SharingFailure) {
            try checkRoom(for: shape)
            file = try MemoryFile(shape)
        } catch {
            logFailure(error)
        }
        state.withLock { state in
            state.wanted = nil
            state.nextFile = .now + (file == nil ? PictureMemory.unusedPause : PictureMemory.renewalInterval)
            guard let file, !state.isStopped else { return }
            if let smaller = state.file { state.released.append(smaller) }
            state.lastUse = .now
            state.file = file
        }
    }

    /// Bounds what encoders that keep released files cost this process.
    private func checkRoom(for shape: MemoryShape) throws(SharingFailure) {
        let others = state.withLock { state in
            state.released.removeAll { !$0.isHeldElsewhere }
            return state.released + (state.file.map { [$0] } ?? [])
        }
        let bytes = others.reduce(0) { $0 + $1.shape.byteCount }
        guard others.count < PictureMemory.heldFiles, bytes + shape.byteCount <= PictureMemory.totalBytes else {
            throw SharingFailure("encoders still hold \(others.count) earlier memory files, \(bytes >> 20) MiB")
        }
    }

    private func redeem(_ ticket: [UInt8]) -> MemoryFile? {
        state.withLock { state in
            guard let file = state.file, state.offers.redeem(ticket, for: file.number, now: .now) else { return nil }
            return file
        }
    }

    private func logFailure(_ failure: SharingFailure) {
        logger.warning(
            "shared memory unavailable",
            metadata: ["reason": "\(failure)", "consequence": "raw pictures are encrypted for each encoder"])
    }
}
