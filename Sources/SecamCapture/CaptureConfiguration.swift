import SecamMedia
import SecamMesh
package import SecamProcess
import SecamV4L2
import SecamWire

/// The settings of one capture service.
package struct CaptureConfiguration: Sendable {
    package var source: SourceAddress
    /// The source as the user wrote it, without secrets.
    package var sourceText: String
    package var join: String
    /// The endpoint to listen at; `nil` to choose one that suits the registry's address.
    package var listen: String?
    package var advertised: String?
    package var registry: String?
    package var device: DeviceOptions
    /// `nil` for no spool.
    var spool: SpoolSettings?
    /// The folder of the socket for shared memory; `nil` for none.
    var share: String?

    package struct DeviceOptions: Sendable, Equatable {
        package var width: Int?
        package var height: Int?
        package var framesPerSecond: Double?
        package var controls: [Control]
        /// Time without a picture after which the source counts as lost; `nil` for the default of its kind.
        package var frameTimeout: Duration?
        /// Pictures that are damaged, but can be shown, are passed on.
        package var passesDamaged = false

        package struct Control: Sendable, Equatable {
            package let name: String
            package let value: Int
        }
    }

    package init(_ settings: Settings) throws {
        let text = try settings.required("source", "the source of the pictures, such as v4l2:/dev/video0")
        let address = try SourceAddress(text)
        source = try CameraLogin(settings).map(address.adding) ?? address
        sourceText = "\(SecretURL(text))"
        join = try settings.required("join", "a join file; create one with: secam keys invite")
        listen = settings.text("listen")
        advertised = settings.text("advertise")
        registry = settings.text("registry")
        device = try CaptureConfiguration.deviceOptions(settings)
        spool = try SpoolSettings(settings)
        share = settings.text("share")
    }

    private static func deviceOptions(_ settings: Settings) throws(SettingsError) -> DeviceOptions {
        var options = DeviceOptions(width: nil, height: nil, framesPerSecond: nil, controls: [])
        if let size = settings.text("size") {
            let sides = size.split(separator: "x").compactMap { Int($0) }
            guard sides.count == 2, sides.allSatisfy({ (16...16384).contains($0) }) else {
                throw SettingsError(key: "size", value: size, expected: "WIDTHxHEIGHT in pixels, such as 1280x720")
            }
            (options.width, options.height) = (sides[0], sides[1])
        }
        if let rate = settings.text("fps") {
            guard let value = Double(rate), (0.1...1000).contains(value) else {
                throw SettingsError(key: "fps", value: rate, expected: "frames per second, 0.1 to 1000")
            }
            options.framesPerSecond = value
        }
        if let text = settings.text("frame.timeout") {
            guard let seconds = Double(text), (1...3600).contains(seconds) else {
                throw SettingsError(key: "frame.timeout", value: text, expected: "seconds, 1 to 3600")
            }
            options.frameTimeout = .seconds(seconds)
        }
        options.passesDamaged = try settings.flag("pass.damaged", default: false)
        for control in (settings.text("controls") ?? "").split(separator: ",") {
            let parts = control.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let value = Int(parts[1]) else {
                throw SettingsError(
                    key: "controls", value: String(control),
                    expected: "name=number[,name=number…], such as brightness=10")
            }
            options.controls.append(DeviceOptions.Control(name: String(parts[0]), value: value))
        }
        return options
    }
}

extension CaptureConfiguration {
    /// Time without data after which a stream counts as lost.
    private static let streamTimeout: Duration = .seconds(10)

    /// Opens the source. Blocks.
    ///
    /// - Parameter cancellation: interrupts a wait for the network.
    func open(_ cancellation: MediaCancellation) throws(SourceFailure) -> any PictureSource {
        let timeout = device.frameTimeout ?? Self.streamTimeout
        switch source {
        case .device(let path):
            let request = V4L2Request(
                path: path, width: device.width, height: device.height, framesPerSecond: device.framesPerSecond,
                format: nil, controls: device.controls.map { ($0.name, $0.value) })
            return try DeviceSource(request, silenceLimit: device.frameTimeout)
        case .file(let path, let framesPerSecond):
            return try RecordedSource(file: path, framesPerSecond: framesPerSecond, timeout: timeout, cancellation)
        case .stream(let address):
            do throws(SourceFailure) {
                return address.revealed.lowercased().hasPrefix("http")
                    ? try openHTTP(address, timeout, cancellation)
                    : try StreamSource(address, timeout: timeout, cancellation)
            } catch {
                // The `@` may belong to the path, so the address was tried.
                guard address.isAmbiguous else { throw error }
                throw SourceFailure(
                    description: "\(error); \(SourceAddress.encodingAdvice)", kind: error.kind)
            }
        case .test(let width, let height, let framesPerSecond):
            return try TestSource(width: width, height: height, framesPerSecond: framesPerSecond)
        }
    }

    private func openHTTP(
        _ address: SecretURL, _ timeout: Duration, _ cancellation: MediaCancellation
    ) throws(SourceFailure) -> any PictureSource {
        let connect = { () throws(MediaError) in
            try HTTPConnection(url: address.revealed, timeout: timeout, cancellation: cancellation)
        }
        let connection: HTTPConnection
        let isJPEG: Bool
        do throws(MediaError) {
            connection = try connect()
            isJPEG = try connection.isJPEG()
        } catch {
            throw SourceFailure(error)
        }
        guard isJPEG else { return try RecordedSource(connection, timeout: timeout) }
        return HTTPPictureSource(connection, framesPerSecond: device.framesPerSecond, connect: connect)
    }
}
