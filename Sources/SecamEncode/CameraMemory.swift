import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamWire

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

    /// What an operator may want to know of a visit.
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
            change = .mapped
        case .failure(let failure):
            mapped = nil
            change = failure.isElsewhere ? .elsewhere(failure.description) : .failed(failure.description)
        }
        isWithdrawn = false
        defer { lastChange = change }
        return change == lastChange ? .unchanged : change
    }
}

/// The thread that visits the sockets of cameras, which may block.
final class MemoryVisits: Sendable {
    private struct Visit: Sendable {
        let share: Share
        let deliver: @Sendable (Result<MappedMemory, SharingFailure>) -> Void
    }

    private let visits = BlockingQueue<Visit>()

    /// - Parameter folder: the folder of the sockets.
    init(folder: String) {
        let visits = visits
        DedicatedThread.start {
            while case .element(let visit) = visits.pop() {
                visit.deliver(Result { () throws(SharingFailure) in try MemoryVisit.map(visit.share, folder: folder) })
            }
        }
    }

    /// Maps the memory that a camera offers, and delivers it on the thread. The caller bounds the visits of a camera.
    func start(
        _ share: Share, of camera: Name, deliver: @escaping @Sendable (Result<MappedMemory, SharingFailure>) -> Void
    ) {
        visits.push(Visit(share: share, deliver: deliver), for: camera.text)
    }

    func stop() { visits.close() }
}

/// The part of a camera's message that decides how the encoder treats it.
enum MessageHeader {
    case share(Share)
    /// A job, with the number of the memory file that holds its picture, or 0, and the picture's size in bytes.
    case work(memory: UInt64, pictureLength: Int)
    /// An encoder thread reads it, and reports why it cannot be used.
    case other

    init(_ message: MeshMessage) {
        let header = message.withBytes { bytes -> MessageHeader? in
            guard let envelope = try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage) else { return nil }
            if envelope.type == .share { return (try? Share.decode(bytes, envelope)).map { .share($0) } }
            guard envelope.type == .work, let (work, payload) = try? Work.decode(bytes, envelope) else { return nil }
            // A picture's size decides its place among the jobs, wherever it is.
            return .work(memory: work.memory, pictureLength: max(payload.count, Int(work.length)))
        }
        self = header ?? .other
    }
}
