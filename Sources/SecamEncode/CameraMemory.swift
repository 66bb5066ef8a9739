import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamWire
import Synchronization

/// The shared memory of one camera at an encoder (proto-spec/work.md, "Shared memory").
///
/// A state machine without I/O: time is an argument.
struct CameraMemory {
    /// Cameras whose memory is mapped at once.
    static let cameraLimit = 256
    /// Shortest time between two visits to one camera's socket.
    static let visitInterval: Duration = .seconds(5)
    /// Time for which the memory before the present one stays mapped.
    static let previousLifetime: Duration = .seconds(3)

    /// The outcome of a visit, for the log.
    enum Change: Equatable {
        case mapped
        /// The camera is on another machine, or has another folder.
        case elsewhere(String)
        case failed(String)
        case unchanged
    }

    private(set) var mapped: MappedMemory?
    /// The one before, for jobs that were under way when it was replaced.
    private var previous: (memory: MappedMemory, replaced: MonotonicTime)?
    private var lastVisit: MonotonicTime?
    private var isVisiting = false
    /// An offer was withdrawn during the visit.
    private var isWithdrawn = false
    private var lastChange: Change?

    /// Whether it counts against the limit.
    var isOccupied: Bool { mapped != nil || isVisiting }

    /// Handles an offer or its withdrawal.
    ///
    /// - Parameter othersMapped: number of cameras whose memory is mapped, or about to be.
    /// - Returns: whether the camera's socket is to be visited.
    mutating func accept(_ share: Share, othersMapped: Int, now: MonotonicTime) -> Bool {
        guard share.memory != 0 else {
            mapped = nil
            isWithdrawn = isVisiting
            return false
        }
        guard !isVisiting, isOccupied || othersMapped < CameraMemory.cameraLimit else { return false }
        if let lastVisit, now - lastVisit < CameraMemory.visitInterval { return false }
        lastVisit = now
        isVisiting = true
        return true
    }

    /// Returns the memory with a job's picture; `nil` if it is not mapped.
    func memory(_ number: UInt64) -> MappedMemory? {
        [mapped, previous?.memory].lazy.compactMap { $0 }.first { $0.number == number }
    }

    /// Unmaps memory that was replaced a while ago.
    mutating func tick(now: MonotonicTime) {
        if let replaced = previous?.replaced, now - replaced > CameraMemory.previousLifetime { previous = nil }
    }

    /// Handles the outcome of a visit.
    mutating func handle(_ outcome: Result<MappedMemory, SharingFailure>, now: MonotonicTime) -> Change {
        isVisiting = false
        if let mapped { previous = (mapped, now) }
        let change: Change
        switch outcome {
        case .success(let memory):
            mapped = isWithdrawn ? nil : memory
            change = isWithdrawn ? .unchanged : .mapped
        case .failure(let failure):
            mapped = nil
            change = failure.isElsewhere ? .elsewhere(failure.description) : .failed(failure.description)
        }
        isWithdrawn = false
        defer { lastChange = change }
        return change == lastChange ? .unchanged : change
    }
}

/// Visits to the sockets of cameras, which may block.
///
/// Each visit has a thread of its own. A hostile camera can make it hang, for example with the descriptor of a connection
/// whose closing waits for its peer. This must not delay visits to other cameras.
final class MemoryVisits: Sendable {
    private let folder: String
    /// The cameras with a visit under way.
    private let visited = Mutex<Set<Name>>([])

    /// - Parameter folder: the folder of the sockets.
    init(folder: String) { self.folder = folder }

    /// Maps the memory that a camera offers, and delivers it on another thread.
    func start(
        _ share: Share, of camera: Name, deliver: @escaping @Sendable (Result<MappedMemory, SharingFailure>) -> Void
    ) {
        let mayStart = visited.withLock { $0.count < CameraMemory.cameraLimit && $0.insert(camera).inserted }
        guard mayStart else { return deliver(.failure(SharingFailure("an earlier visit has not ended"))) }
        let isStarted = DedicatedThread.startIfPossible { [self] in
            let outcome = Result { () throws(SharingFailure) in try MemoryVisit.map(share, folder: folder) }
            _ = visited.withLock { $0.remove(camera) }
            deliver(outcome)
        }
        guard !isStarted else { return }
        _ = visited.withLock { $0.remove(camera) }
        deliver(.failure(SharingFailure("the system cannot create another thread")))
    }
}

/// The part of a camera's message that decides how the encoder treats it.
enum MessageHeader {
    case share(Share)
    /// A job, with the number of the memory file that holds its picture, or 0, and the picture's length there, bytes.
    case work(memory: UInt64, length: Int)
    /// An encoder thread reads it, and reports why it cannot be used.
    case other

    init(_ message: MeshMessage) {
        let header = message.withBytes { bytes -> MessageHeader? in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return nil }
            if envelope.type == .share { return (try? Share.decode(bytes, envelope)).map { .share($0) } }
            guard envelope.type == .work, let (work, _) = try? Work.decode(bytes, envelope) else { return nil }
            return .work(memory: work.memory, length: Int(work.length))
        }
        self = header ?? .other
    }

    /// Returns the memory with the picture of a job, and the size of the picture, which decides the job's place among the
    /// others. A camera cannot raise it by claiming a length that the memory does not have.
    func picture(
        in memory: CameraMemory, messageLength: Int
    ) -> (memory: MappedMemory?, byteCount: Int) {
        guard case .work(let number, let length) = self, let mapped = memory.memory(number) else {
            return (nil, messageLength)
        }
        return (mapped, max(messageLength, min(length, mapped.shape.pictureLimit)))
    }
}
