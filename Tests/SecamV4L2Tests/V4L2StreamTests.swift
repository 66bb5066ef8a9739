import SecamWire
import Testing

@testable import SecamV4L2

@Suite struct V4L2StreamTests {
    func failure(_ request: V4L2Request) -> V4L2Error? {
        do throws(V4L2Error) {
            _ = try V4L2Stream(request)
            return nil
        } catch {
            return error
        }
    }

    @Test func `a device that does not exist is told`() {
        let error = failure(V4L2Request(path: "/dev/video-none"))
        #expect(error == .noSuchDevice(path: "/dev/video-none"))
        #expect(error?.description.contains("/dev/video-none") == true)
    }

    @Test(arguments: ["/dev/null", "/", "/etc/passwd", "/etc/passwd/x"])
    func `what is no video device is told`(path: String) {
        guard case .notACaptureDevice(path, _) = failure(V4L2Request(path: path)) else {
            Issue.record("\(path) was not refused as no capture device")
            return
        }
    }

    @Test func `a path with a zero byte or of absurd length is refused`() {
        #expect(failure(V4L2Request(path: "/dev/\0video0")) != nil)
        #expect(failure(V4L2Request(path: String(repeating: "x", count: 100_000))) != nil)
        #expect(failure(V4L2Request(path: "")) == .noSuchDevice(path: ""))
    }

    @Test(arguments: [
        V4L2Request(path: "/dev/null", width: 0), V4L2Request(path: "/dev/null", height: -1),
        V4L2Request(path: "/dev/null", width: .max), V4L2Request(path: "/dev/null", framesPerSecond: 0),
        V4L2Request(path: "/dev/null", framesPerSecond: .nan),
        V4L2Request(path: "/dev/null", framesPerSecond: .infinity),
        V4L2Request(path: "/dev/null", framesPerSecond: -30), V4L2Request(path: "/dev/null", format: .gray8),
    ])
    func `a request that makes no sense is refused before the device is opened`(request: V4L2Request) {
        guard case .invalidRequest("/dev/null", _) = failure(request) else {
            Issue.record("\(request) was not refused")
            return
        }
    }

    @Test func `only numbered video nodes are looked at`() {
        #expect(V4L2Devices.number(ofNode: "video12") == 12)
        #expect(V4L2Devices.number(ofNode: "video") == nil)
        #expect(V4L2Devices.number(ofNode: "video-cam") == nil)
        #expect(V4L2Devices.number(ofNode: "video1a") == nil)
        #expect(V4L2Devices.number(ofNode: "vbi0") == nil)
        #expect(V4L2Devices.number(ofNode: "video99999999999999999999") == nil)
    }

    @Test func `the list of devices is in order and holds each once`() {
        let numbers = V4L2Devices.list().map(\.number)
        #expect(numbers == Set(numbers).sorted())
    }

    @Test func `errors from the system are told as what they mean`() {
        #expect(
            V4L2Error(path: "/dev/video0", operation: "opening", code: 13) == .permissionDenied(path: "/dev/video0"))
        #expect(V4L2Error(path: "/dev/video0", operation: "opening", code: 16) == .busy(path: "/dev/video0"))
        guard case .lost = V4L2Error(path: "/dev/video0", operation: "queueing", code: 19) else {
            Issue.record("ENODEV is not a lost camera")
            return
        }
        #expect(V4L2Error.permissionDenied(path: "/dev/video0").description.contains("group video"))
    }
}
