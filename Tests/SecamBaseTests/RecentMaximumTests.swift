import SecamBase
import Testing

@Suite struct RecentMaximumTests {
    @Test func `a larger value counts at once, and smaller ones lower it by an eighth each`() {
        var maximum = RecentMaximum()
        #expect(maximum.value == 0)
        var values: [Int] = []
        for value in [800, 8, 8, 900, 800] {
            maximum.add(value)
            values.append(maximum.value)
        }
        #expect(values == [800, 700, 609, 900, 800])
    }
}
