import NIOPosix
import SecamJPEG
import SecamWire
import Synchronization

/// Decodes each camera's newest frame on a thread pool. A frame that waits is replaced by the next one, so a slow machine
/// shows fewer pictures, never older ones.
final class LiveDecoder: Sendable {
    enum Outcome: Sendable {
        case picture(Picture)
        case damaged(Name, JPEGError)
    }

    private let pool: NIOThreadPool
    private let cameras = Mutex<[Name: CameraDecoder]>([:])
    private let deliver: @Sendable (Outcome) -> Void

    /// - Parameter deliver: called on a thread of the pool.
    init(threads: Int, deliver: @escaping @Sendable (Outcome) -> Void) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        self.deliver = deliver
    }

    /// Hands over a frame. It never blocks.
    func offer(_ frame: ReceivedFrame) {
        let camera = camera(frame.camera)
        if camera.replaceWaiting(frame) { submit(camera) }
    }

    /// Sets the size on the screen in pixels. Larger pictures are decoded at a fraction of their size, which is faster.
    func setDisplaySize(of camera: Name, width: Int, height: Int) {
        self.camera(camera).target.withLock { $0 = (width, height) }
    }

    func stop() {
        // Fails only when the pool has been stopped before.
        try? pool.syncShutdownGracefully()
    }

    private func camera(_ name: Name) -> CameraDecoder {
        cameras.withLock { cameras in
            if let camera = cameras[name] { return camera }
            let camera = CameraDecoder()
            cameras[name] = camera
            return camera
        }
    }

    private func submit(_ camera: CameraDecoder) {
        pool.submit { [deliver] state in
            guard state == .active, let frame = camera.takeWaiting() else { return }
            deliver(camera.decode(frame))
            if camera.finish() { self.submit(camera) }
        }
    }
}

/// The decoder of one camera.
private final class CameraDecoder: Sendable {
    private struct Slot: Sendable {
        var waiting: ReceivedFrame?
        var isBusy = false
    }

    /// Size on the screen; unlimited until it is set.
    let target = Mutex<(width: Int, height: Int)>((.max, .max))
    private let slot = Mutex(Slot())
    /// Only one thread at a time uses it, since at most one frame of a camera is decoded at once.
    private let decoder = Mutex<JPEGDecoder?>(nil)

    /// - Returns: whether the caller must submit the camera to the pool.
    func replaceWaiting(_ frame: ReceivedFrame) -> Bool {
        slot.withLock { slot in
            slot.waiting = frame
            defer { slot.isBusy = true }
            return !slot.isBusy
        }
    }

    func takeWaiting() -> ReceivedFrame? {
        slot.withLock { $0.waiting.take() }
    }

    /// - Returns: whether another frame waits.
    func finish() -> Bool {
        slot.withLock { slot in
            slot.isBusy = slot.waiting != nil
            return slot.isBusy
        }
    }

    func decode(_ frame: ReceivedFrame) -> LiveDecoder.Outcome {
        let target = target.withLock { $0 }
        return decoder.withLock { decoder in
            do throws(JPEGError) {
                if decoder == nil { decoder = try JPEGDecoder() }
                return .picture(try Self.decode(frame, target, &decoder!))
            } catch {
                return .damaged(frame.camera, error)
            }
        }
    }

    private static func decode(
        _ frame: ReceivedFrame, _ target: (width: Int, height: Int), _ decoder: inout JPEGDecoder
    ) throws(JPEGError) -> Picture {
        let jpeg = frame.message.span.extracting(frame.payload)
        let header = try decoder.header(of: jpeg)
        // The smallest scale, down to an eighth, at which the picture is at least as wide or as high as on the screen:
        // it fills its cell in one of the two directions.
        let scale =
            JPEGScale.allCases.last { scale in
                let size = header.size(at: scale)
                return scale == .full || size.width >= target.width || size.height >= target.height
            } ?? .full
        let size = header.size(at: scale)
        let chroma = ((size.width + 1) / 2) * ((size.height + 1) / 2)
        var bytes = [UInt8](repeating: 0, count: size.width * size.height + 2 * chroma)
        var span = bytes.mutableSpan
        _ = try decoder.decodeI420(jpeg, scale: scale, into: &span)
        return Picture(width: size.width, height: size.height, bytes: bytes, frame: frame)
    }
}
