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

    @Test func `a device that does not exist is reported`() {
        let error = failure(V4L2Request(path: "/dev/video-none"))
        #expect(error == .noSuchDevice(path: "/dev/video-none"))
        #expect(error?.description.contains("/dev/video-none") == true)
    }

    @Test(arguments: ["/dev/null", "/", "/etc/passwd", "/etc/passwd/x"])
    func `a file that is not a video device is reported`(path: String) {
        guard case .notACaptureDevice(path, _) = failure(V4L2Request(path: path)) else {
            Issue.record("\(path) was accepted as a capture device")
            return
        }
    }

    @Test func `a path with a zero byte or of absurd length is rejected`() {
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
    func `an invalid request is rejected before the device is opened`(request: V4L2Request) {
        guard case .invalidRequest("/dev/null", _) = failure(request) else {
            Issue.record("\(request) was not rejected")
            return
        }
    }

    @Test func `only numbered video nodes are listed`() {
        #expect(V4L2Devices.number(ofNode: "video12") == 12)
        #expect(V4L2Devices.number(ofNode: "video") == nil)
        #expect(V4L2Devices.number(ofNode: "video-cam") == nil)
        #expect(V4L2Devices.number(ofNode: "video1a") == nil)
        #expect(V4L2Devices.number(ofNode: "vbi0") == nil)
        #expect(V4L2Devices.number(ofNode: "video99999999999999999999") == nil)
    }

    @Test func `the list of devices is sorted and has no duplicates`() {
        let numbers = V4L2Devices.list().map(\.number)
        #expect(numbers == Set(numbers).sorted())
    }

    @Test func `system errors map to specific errors`() {
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
