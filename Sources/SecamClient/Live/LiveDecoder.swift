import NIOPosix
import SecamJPEG
import SecamWire
import Synchronization

/// Decodes on threads of its own: each camera's newest frame, one at a time. Frames that come meanwhile replace each
/// other, so that a slow machine shows fewer pictures, never older ones.
final class LiveDecoder: Sendable {
    enum Outcome: Sendable {
        case picture(Picture)
        case damaged(Name, JPEGError)
    }

    private let pool: NIOThreadPool
    private let cameras = Mutex<[Name: CameraDecoder]>([:])
    private let deliver: @Sendable (Outcome) -> Void

    /// - Parameter deliver: called on a decoder's thread.
    init(threads: Int, deliver: @escaping @Sendable (Outcome) -> Void) {
        pool = NIOThreadPool(numberOfThreads: threads)
        pool.start()
        self.deliver = deliver
    }

    /// Never waits.
    func offer(_ frame: ReceivedFrame) {
        let camera = camera(frame.camera)
        if camera.replaceWaiting(frame) { submit(camera) }
    }

    /// The size in pixels of the camera's place: larger pictures are decoded smaller, which costs less.
    func show(_ camera: Name, width: Int, height: Int) {
        self.camera(camera).target.withLock { $0 = (width, height) }
    }

    func stop() {
        // Fails only when it is stopped twice.
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

/// One camera's place in the decoder.
private final class CameraDecoder: Sendable {
    private struct Slot: Sendable {
        var waiting: ReceivedFrame?
        var isBusy = false
    }

    /// Until it is known, the whole picture.
    let target = Mutex<(width: Int, height: Int)>((.max, .max))
    private let slot = Mutex(Slot())
    /// Used by one thread at a time, since the camera has at most one frame in work.
    private let decoder = Mutex<JPEGDecoder?>(nil)

    /// - Returns: whether the camera must be put to work.
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

    /// - Returns: whether another frame has come meanwhile.
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
        // Up to an eighth, as long as the picture does not get smaller than it is shown: it fills its place in one of
        // the two directions.
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
