import SecamWire
import Testing

@testable import SecamV4L2

@Suite struct FormatChoiceTests {
    let hd = FrameSize(width: 1280, height: 720)
    let vga = FrameSize(width: 640, height: 480)

    func offer(_ fourCC: FourCC, _ sizes: [FrameSize], converted: Bool = false) -> FormatOffer {
        FormatOffer(fourCC: fourCC, isConverted: converted, sizes: sizes.map { FrameSizeRange($0) })
    }

    @Test func `MJPEG is preferred to raw formats of the same size`() throws {
        let offers = [offer(.yuyv, [vga, hd]), offer(.mjpeg, [vga, hd]), offer(.yu12, [vga, hd], converted: true)]
        let choice = try #require(FormatChoice.choose(from: offers, wanted: hd, preferred: nil))
        #expect(choice == FormatChoice(fourCC: .mjpeg, pixelFormat: .jpeg, size: hd, isConverted: false))
    }

    @Test func `the wanted size takes precedence over MJPEG`() throws {
        let offers = [offer(.mjpeg, [hd]), offer(.yuyv, [vga])]
        let choice = try #require(FormatChoice.choose(from: offers, wanted: vga, preferred: nil))
        #expect(choice.fourCC == .yuyv)
        #expect(choice.size == vga)
    }

    @Test(arguments: [(FourCC.yuyv, FourCC.nv12), (.nv12, .yu12), (.yu12, .rgb24)])
    func `the cheaper native raw format is chosen`(cheaper: FourCC, dearer: FourCC) throws {
        let offers = [offer(dearer, [hd]), offer(cheaper, [hd])]
        #expect(FormatChoice.choose(from: offers, wanted: hd, preferred: nil)?.fourCC == cheaper)
    }

    @Test func `a native format is preferred to a conversion`() throws {
        let bayer = FourCC("BA81")
        let converted = [offer(.rgb24, [hd], converted: true), offer(.yu12, [hd], converted: true)]
        let native = try #require(
            FormatChoice.choose(from: converted + [offer(.rgb24, [hd])], wanted: hd, preferred: nil))
        #expect(native.fourCC == .rgb24 && !native.isConverted)
        let only = try #require(FormatChoice.choose(from: [offer(bayer, [hd])] + converted, wanted: hd, preferred: nil))
        #expect(only.fourCC == .yu12 && only.isConverted)
    }

    @Test func `a preferred format is chosen at its nearest size, native or converted`() throws {
        let offers = [offer(.mjpeg, [hd]), offer(.yuyv, [vga]), offer(.yu12, [vga, hd], converted: true)]
        #expect(FormatChoice.choose(from: offers, wanted: hd, preferred: .yuyv)?.size == vga)
        #expect(FormatChoice.choose(from: offers, wanted: hd, preferred: .i420)?.isConverted == true)
    }

    @Test func `a preferred format that is not offered has no effect`() {
        let offers = [offer(.mjpeg, [hd]), offer(.yuyv, [hd])]
        #expect(FormatChoice.choose(from: offers, wanted: hd, preferred: .nv12)?.fourCC == .mjpeg)
    }

    @Test func `without a supported format there is no choice`() {
        #expect(FormatChoice.choose(from: [], wanted: hd, preferred: nil) == nil)
        #expect(FormatChoice.choose(from: [offer(FourCC("H264"), [hd])], wanted: hd, preferred: nil) == nil)
        #expect(FormatChoice.choose(from: [offer(.mjpeg, [])], wanted: hd, preferred: nil) == nil)
    }

    @Test func `the larger of two equally distant sizes is chosen`() {
        let sizes = [FrameSize(width: 600, height: 480), FrameSize(width: 680, height: 480)]
        let choice = FormatChoice.choose(from: [offer(.yuyv, sizes)], wanted: vga, preferred: nil)
        #expect(choice?.size == sizes[1])
    }

    @Test(arguments: [
        (1, 16), (16, 16), (23, 16), (24, 32), (33, 32), (90, 96), (100, 96), (1000, 96), (-5, 16),
    ])
    func `a range of sizes gives the nearest one on its grid`(wanted: Int, nearest: Int) {
        let range = FrameSizeRange(
            minimum: FrameSize(width: 16, height: 16), maximum: FrameSize(width: 100, height: 100),
            step: FrameSize(width: 16, height: 16))
        let size = range.nearest(to: FrameSize(width: wanted, height: wanted))
        #expect(size == FrameSize(width: nearest, height: nearest))
    }

    @Test func `a range with a step of zero causes no division by zero`() {
        let range = FrameSizeRange(
            minimum: FrameSize(width: 1, height: 1), maximum: FrameSize(width: 100, height: 100),
            step: FrameSize(width: 0, height: 0))
        #expect(range.nearest(to: FrameSize(width: 37, height: 100)) == FrameSize(width: 37, height: 100))
    }

    @Test func `four-character codes have V4L2's values`() {
        #expect(FourCC.yuyv.code == 0x5659_5559)
        #expect(FourCC.mjpeg.description == "MJPG")
        #expect(FourCC(code: FourCC.yuyv.code | 0x8000_0000).description == "YUYV-BE")
        #expect(FourCC(code: 1).description == "0x1")
        #expect(FourCC("H264").pixelFormat == nil)
        #expect(FourCC.yu12.pixelFormat == .i420)
        #expect(FourCC.jpeg.pixelFormat == .jpeg)
    }

    @Test func `a raw picture's smallest size follows the driver's row length`() {
        #expect(V4L2Stream.byteCount(.yuyv, bytesPerLine: 1344, height: 480) == 645_120)
        #expect(V4L2Stream.byteCount(.nv12, bytesPerLine: 640, height: 480) == 460_800)
        #expect(V4L2Stream.byteCount(.i420, bytesPerLine: 5, height: 3) == 15 + 2 * 3 * 2)
        #expect(V4L2Stream.byteCount(.jpeg, bytesPerLine: 99, height: 480) == 0)
    }
}
