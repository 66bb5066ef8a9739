import CV4L2
import Glibc

/// An open device file, before libv4l2 adopts it. It is closed in `deinit` unless adopted.
struct V4L2Node: ~Copyable {
    private let path: String
    /// -1 once libv4l2 owns it.
    private var descriptor: Int32

    /// Opens the node. Without O_NONBLOCK, dequeuing would wait for a camera that hangs, beyond any timeout.
    init(_ path: String) throws(V4L2Error) {
        var descriptor: Int32 = -1
        let code = unsafe secam_open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC, &descriptor)
        guard code == 0 else {
            throw switch code {
            // The node exists, but its device is gone.
            case ENODEV: .noSuchDevice(path: path)
            case EISDIR, ENOTDIR: .notACaptureDevice(path: path, reason: V4L2Error.text(ofErrno: code))
            default: V4L2Error(path: path, operation: "opening", code: code)
            }
        }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    func capability() throws(V4L2Error) -> V4L2Capability {
        var answer = v4l2_capability()
        let code = unsafe secam_querycap(descriptor, &answer)
        guard code == 0 else {
            if code == ENODEV { throw .lost(path: path, reason: V4L2Error.text(ofErrno: code)) }
            throw .notACaptureDevice(path: path, reason: "not a video device")
        }
        return V4L2Capability(answer)
    }

    /// Returns the capability. Throws if the device is not a streaming camera.
    func cameraCapability() throws(V4L2Error) -> V4L2Capability {
        let capability = try capability()
        guard capability.captures else {
            throw .notACaptureDevice(path: path, reason: "\(capability.card) does not capture at this node")
        }
        guard capability.streams else {
            throw .notACaptureDevice(path: path, reason: "\(capability.card) cannot stream")
        }
        return capability
    }

    /// Hands the descriptor to libv4l2.
    ///
    /// - Returns: the descriptor, which the caller closes with v4l2_close.
    mutating func adopt() throws(V4L2Error) -> Int32 {
        secam_v4l2_silence()
        let code = secam_v4l2_adopt(descriptor)
        guard code == 0 else { throw V4L2Error(path: path, operation: "opening with libv4l2", code: code) }
        defer { descriptor = -1 }
        return descriptor
    }
}
