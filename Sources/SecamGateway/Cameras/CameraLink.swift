import SecamConfig
import SecamMesh
import SecamWire

/// The gateway's flow on one rendition of one camera, on a connection of its own: so the flow's number can be the
/// camera's number for every rendition, and a frame goes to viewers just as it came.
final class CameraLink {
    /// Frames on their way from the camera at once.
    static let window: UInt32 = 8

    let socket: MeshSocket
    private let number: UInt32
    private let rendition: Rendition
    private var isOpen = false

    init(_ socket: MeshSocket, number: UInt32, rendition: Rendition) {
        self.socket = socket
        self.number = number
        self.rendition = rendition
    }

    /// Opens the flow, or says that it is still needed.
    ///
    /// - Returns: whether the camera was reached.
    @discardableResult
    func refresh() -> Bool {
        if isOpen {
            isOpen = socket.send(Credit(flow: number, frames: 0)) == .sent
        } else {
            let open = OpenFlow(
                flow: number, rendition: rendition, policy: .latest, start: .live, credit: CameraLink.window)
            isOpen = socket.send(open) == .sent
        }
        return isOpen
    }

    /// Takes what has come.
    ///
    /// - Parameter publish: is given each frame's whole message.
    func receive(_ publish: (MeshMessage, Frame) -> Void) throws(WireError) {
        // No more than it may send, so that a camera that sends more does not keep the loop from everything else.
        for _ in 0..<CameraLink.window {
            guard let received = socket.receive() else { return }
            try received.message.withBytes { (bytes) throws(WireError) in
                let envelope = try Envelope.readWhole(bytes, limit: WireLimits.meshMessage)
                switch envelope.type {
                case .frame:
                    let (frame, _) = try Frame.decode(bytes, envelope)
                    guard frame.flow == number, frame.rendition == rendition, frame.format == .jpeg else {
                        throw .badValue(field: "flow")
                    }
                    socket.send(Credit(flow: number, frames: 1))
                    publish(received.message, frame)
                case .closeFlow:
                    _ = try CloseFlow.decode(bytes, envelope)
                    isOpen = false
                case .gap:
                    _ = try Gap.decode(bytes, envelope)
                default:
                    throw .unknownType(envelope.type.rawValue)
                }
            }
        }
    }

    func close() {
        socket.send(CloseFlow(flow: number, reason: .done))
    }
}
