import SecamBase
import SecamWire

/// Counts the frames of one flow of a camera that are requested or in memory, so that their number and their bytes stay
/// bounded.
struct FrameWindow {
    /// The maximum number of live frames requested or in memory: two seconds of a fast camera.
    static let maximumFrames: UInt32 = 64

    /// The maximum number of frames requested or in memory.
    private let maximumFrames: UInt32
    /// The same while the size of the frames is unknown.
    private let framesOfUnknownSize: UInt32
    /// The bytes that a window is meant for. A window of large frames has fewer of them.
    private let targetBytes: Int
    /// The maximum number of bytes in memory. If a camera's frames become much larger, they are requested one by one.
    private var maximumBytes: Int { 4 * max(targetBytes, WireLimits.frameMessage) }

    /// A window for live frames.
    static let live = FrameWindow(maximumFrames: maximumFrames, framesOfUnknownSize: 8, targetBytes: 32 << 20)
    /// A window for spooled frames, which may take longer.
    static let spooled = FrameWindow(maximumFrames: 16, framesOfUnknownSize: 1, targetBytes: 8 << 20)

    private init(maximumFrames: UInt32, framesOfUnknownSize: UInt32, targetBytes: Int) {
        self.maximumFrames = maximumFrames
        self.framesOfUnknownSize = framesOfUnknownSize
        self.targetBytes = targetBytes
    }

    /// Whether frames are requested one by one, because writing has failed and nothing has reached the disk since.
    var isProbing = false
    /// The number of requested frames that have not arrived.
    private(set) var credit: UInt32 = 0
    /// The sizes of the frames in memory, in order, and their sum.
    private var sizes: [Int] = []
    private var bytes = 0
    /// Size of the largest recent frame, bytes; 0 before the first frame.
    private var frameBytes = RecentMaximum()

    /// Whether no frame is in memory.
    var isEmpty: Bool { sizes.isEmpty }

    /// The credit with which a flow is opened.
    var initialCredit: UInt32 {
        isProbing ? 1 : frameBytes.value == 0 ? framesOfUnknownSize : size
    }

    private var size: UInt32 {
        guard frameBytes.value > 0 else { return maximumFrames }
        return UInt32(max(1, min(Int(maximumFrames), targetBytes / frameBytes.value)))
    }

    /// Resets the counts for a new flow with the initial credit.
    mutating func reset() {
        sizes = []
        bytes = 0
        credit = initialCredit
    }

    /// Whether a frame fits into memory.
    func hasRoom(for frameBytes: Int) -> Bool { bytes + frameBytes <= maximumBytes }

    /// Counts a frame that has arrived. There must be credit for it.
    mutating func receive(_ byteCount: Int) {
        credit -= 1
        frameBytes.add(byteCount)
    }

    /// Counts a frame that stays in memory until it is written.
    mutating func hold(_ frameBytes: Int) {
        sizes.append(frameBytes)
        bytes += frameBytes
    }

    /// Counts the oldest frame in memory as written.
    mutating func release() {
        if !sizes.isEmpty { bytes -= sizes.removeFirst() }
    }

    /// The number of further frames to request now; 0 until a quarter of the window is free.
    var refill: UInt32 {
        // A probe may be a frame that was recorded before. It is skipped and never becomes durable, so another one
        // follows.
        let window = isProbing ? 1 : size
        let used = UInt32(sizes.count) + credit
        guard used < window, window - used >= max(1, window / 4) else { return 0 }
        return window - used
    }

    mutating func grant(_ frames: UInt32) { credit += frames }
}
