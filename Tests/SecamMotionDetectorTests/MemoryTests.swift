import Glibc
import SecamMotionDetector
import Testing

@Suite struct MemoryTests {
    /// A plane of this size that leaked with every map would be 170 MB in all. Other tests run meanwhile.
    @Test func memoryDoesNotGrowWithMaps() throws {
        var scene = Scene(noise: 20)
        var detector = MotionDetector()
        let before = mallinfo2().uordblks
        for number in 0..<3000 {
            scene.begin()
            scene.walk(at: Double(number % 100) / 10, from: 2, to: 7)
            _ = try detector.process(
                scene.map().span, width: 160, height: 90, timestampMicroseconds: Int64(number) * 100_000)
        }
        let after = mallinfo2().uordblks
        #expect(after < before + 32 << 20)
    }
}
