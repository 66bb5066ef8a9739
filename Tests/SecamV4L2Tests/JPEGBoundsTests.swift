import Testing

@testable import SecamV4L2

@Suite struct JPEGBoundsTests {
    let picture: [UInt8] = [0xff, 0xd8, 0xff, 0xe0, 1, 2, 3, 0xff, 0xd9]

    func bounds(_ bytes: [UInt8]) -> JPEGBounds {
        unsafe JPEGBounds(of: bytes.span.bytes)
    }

    @Test func `a whole picture is returned whole`() {
        #expect(bounds(picture) == .picture(byteCount: picture.count))
        #expect(bounds([0xff, 0xd8, 0xff, 0xd9]) == .picture(byteCount: 4))
    }

    @Test(arguments: [1, 3, 512, 100_000])
    func `padding with zeros is removed`(count: Int) {
        #expect(bounds(picture + [UInt8](repeating: 0, count: count)) == .picture(byteCount: picture.count))
    }

    @Test func `a few bytes after the end are removed`() {
        #expect(bounds(picture + [1, 2, 3, 0xff, 4, 0, 0]) == .picture(byteCount: picture.count))
    }

    @Test func `the end of an embedded preview is not the end of the picture`() {
        #expect(bounds(picture + picture) == .picture(byteCount: 2 * picture.count))
    }

    @Test(arguments: 0..<9)
    func `a truncated picture is damaged`(count: Int) {
        guard case .damaged = bounds(Array(picture.prefix(count))) else {
            Issue.record("\(count) bytes were accepted as a picture")
            return
        }
    }

    @Test func `an end marker long before the end is ignored`() {
        guard case .damaged = bounds(picture + [UInt8](repeating: 7, count: 65)) else {
            Issue.record("an end marker in the middle was accepted as the end")
            return
        }
    }

    @Test func `data without a start marker are damaged`() {
        guard case .damaged = bounds([0x00, 0xd8] + picture.dropFirst(2)),
            case .damaged = bounds([UInt8](repeating: 0, count: 1000))
        else {
            Issue.record("data without a start marker were accepted as a JPEG")
            return
        }
    }
}
