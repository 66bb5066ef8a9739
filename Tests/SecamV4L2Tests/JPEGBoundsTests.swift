import Testing

@testable import SecamV4L2

@Suite struct JPEGBoundsTests {
    let picture: [UInt8] = [0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9]

    func bounds(_ bytes: [UInt8]) -> JPEGBounds {
        unsafe JPEGBounds(of: bytes.span.bytes)
    }

    @Test func `a whole picture is taken whole`() {
        #expect(bounds(picture) == .picture(byteCount: picture.count))
        #expect(bounds([0xff, 0xd8, 0xff, 0xd9]) == .picture(byteCount: 4))
    }

    @Test(arguments: [1, 3, 512, 100_000])
    func `padding with zeros is left out`(count: Int) {
        #expect(bounds(picture + [UInt8](repeating: 0, count: count)) == .picture(byteCount: picture.count))
    }

    @Test func `a few bytes of the camera's own after the end are left out`() {
        #expect(bounds(picture + [1, 2, 3, 0xff, 4, 0, 0]) == .picture(byteCount: picture.count))
    }

    @Test func `the end of a preview inside the picture is not its end`() {
        #expect(bounds(picture + picture) == .picture(byteCount: 2 * picture.count))
    }

    @Test(arguments: 0..<9)
    func `a picture that is cut short is damaged`(count: Int) {
        guard case .damaged = bounds(Array(picture.prefix(count))) else {
            Issue.record("\(count) bytes were taken for a picture")
            return
        }
    }

    @Test func `an end marker long before the end is none`() {
        guard case .damaged = bounds(picture + [UInt8](repeating: 7, count: 65)) else {
            Issue.record("an end in the middle was taken for the end")
            return
        }
    }

    @Test func `what does not begin as a JPEG is damaged`() {
        guard case .damaged = bounds([0x00, 0xd8] + picture.dropFirst(2)),
            case .damaged = bounds([UInt8](repeating: 0, count: 1000))
        else {
            Issue.record("no JPEG was taken for one")
            return
        }
    }
}
