import Glibc
import SecamMotionDetector
import Testing

@Suite struct MemoryTests {
    /// A plane of this size that leaked with every map would be 57 MB in the end. Other tests run meanwhile.
    @Test func memoryDoesNotGrowWithMaps() throws {
        var scene = Scene(noise: 20)
        var detector = MotionDetector()
        let before = try residentBytes()
        for number in 0..<1000 {
            scene.begin()
            scene.walk(at: Double(number % 100) / 10, from: 2, to: 7)
            _ = try detector.process(
                scene.map().span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
        }
        let after = try residentBytes()
        #expect(after < before + 40 << 20)
    }

    private func residentBytes() throws -> Int {
        let file = unsafe open("/proc/self/statm", O_RDONLY)
        try #require(file >= 0)
        defer { close(file) }
        var text = [UInt8](repeating: 0, count: 256)
        let count = unsafe text.withUnsafeMutableBytes { unsafe read(file, $0.baseAddress, $0.count) }
        let fields = String(decoding: text[..<max(count, 0)], as: UTF8.self).split(separator: " ")
        return try #require(Int(fields[1])) * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
