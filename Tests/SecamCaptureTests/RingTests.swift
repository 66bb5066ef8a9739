import SecamBase
import SecamCapture
import SecamMesh
import SecamTestSupport
import SecamWire
import Testing

@Suite struct RingTests {
    @Test func `an empty ring has no frame`() {
        let ring = Ring(duration: .seconds(30), byteLimit: 1000)
        for rendition in Rendition.allCases {
            #expect(ring.newest(rendition) == nil)
            #expect(ring.oldest(rendition) == nil)
            #expect(ring.first(rendition, from: 0) == nil)
            #expect(ring.first(rendition, at: .min) == nil)
            #expect(ring.lastEvicted(rendition) == 0)
        }
        #expect(ring.byteCount == 0)
    }

    @Test func `a frame is found by the next existing number or time`() {
        var ring = Ring(duration: .seconds(30), byteLimit: 1000)
        for sequence: UInt64 in [2, 3, 7, 9] { ring.append(ringFrame(sequence)) }
        #expect(ring.first(.jpeg, from: 0)?.sequence == 2)
        #expect(ring.first(.jpeg, from: 4)?.sequence == 7)
        #expect(ring.first(.jpeg, from: 9)?.sequence == 9)
        #expect(ring.first(.jpeg, from: 10) == nil)
        #expect(ring.first(.jpeg, at: 300_001)?.sequence == 7)
        #expect(ring.first(.jpeg, at: 900_001) == nil)
        #expect(ring.first(.luma, from: 0) == nil)
    }

    @Test func `the newest frame stays even if it alone exceeds the limit`() {
        var ring = Ring(duration: .seconds(30), byteLimit: 100)
        ring.append(ringFrame(1, bytes: 60))
        ring.append(ringFrame(2, bytes: 500))
        #expect(ring.oldest(.jpeg)?.sequence == 2)
        #expect(ring.byteCount == 500)
        #expect(ring.lastEvicted(.jpeg) == 1)
    }

    @Test func `frames older than the ring's duration are evicted`() {
        var ring = Ring(duration: .seconds(1), byteLimit: 1 << 20)
        for sequence in UInt64(1)...25 { ring.append(ringFrame(sequence)) }
        // The newest frame is from 2.5 s, so one from 1.5 s just stays.
        #expect(ring.oldest(.jpeg)?.sequence == 15)
        #expect(ring.lastEvicted(.jpeg) == 14)
        #expect(ring.byteCount == 110)
    }

    @Test func `a shorter duration takes effect with the next frame`() {
        var ring = Ring(duration: .seconds(30), byteLimit: 1 << 20)
        for sequence in UInt64(1)...20 { ring.append(ringFrame(sequence)) }
        ring.duration = .milliseconds(500)
        ring.append(ringFrame(21))
        #expect(ring.oldest(.jpeg)?.sequence == 16)
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func `the ring equals a plain list`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var ring = Ring(duration: .seconds(2), byteLimit: 3000)
        var model = ListRing(duration: .seconds(2), byteLimit: 3000)
        var time: Int64 = 0
        for sequence in UInt64(1)...3000 {
            time += Int64.random(in: 1...60_000, using: &random)
            if random.chance(percent: 1) { time += 1_500_000 }
            for rendition in Rendition.allCases where random.chance(percent: 60) {
                let size = random.chance(percent: 2) ? 2500 : Int.random(in: 0...200, using: &random)
                let frame = ringFrame(sequence, rendition, at: time, bytes: size)
                ring.append(frame)
                model.append(frame)
                let isSame = model.isSame(
                    as: ring, numbers: sequence - min(sequence, 70)...sequence + 1, times: [time - 1_000_000, time])
                #expect(isSame, "after frame \(sequence) \(rendition)")
                guard isSame else { return }
            }
        }
    }
}

/// A plain model of a ring.
private struct ListRing {
    let duration: Duration
    let byteLimit: Int
    private var lists: [Rendition: [RingFrame]] = [:]
    private var evicted: [Rendition: UInt64] = [:]

    init(duration: Duration, byteLimit: Int) {
        self.duration = duration
        self.byteLimit = byteLimit
    }

    private var bytes: Int { lists.values.joined().reduce(0) { $0 + $1.bytes.count } }

    mutating func append(_ frame: RingFrame) {
        lists[frame.rendition, default: []].append(frame)
        while true {
            // The oldest frame; of two from the same time, the one of the lower rendition.
            let candidates = Rendition.allCases.filter { lists[$0, default: []].count > 1 }
            guard let victim = candidates.min(by: { lists[$0]![0].arrived < lists[$1]![0].arrived }),
                bytes > byteLimit || frame.arrived - lists[victim]![0].arrived > duration
            else { return }
            evicted[victim] = lists[victim]!.removeFirst().sequence
        }
    }

    func isSame(as ring: Ring, numbers: ClosedRange<UInt64>, times: [Int64]) -> Bool {
        ring.byteCount == bytes
            && Rendition.allCases.allSatisfy { rendition in
                let list = lists[rendition, default: []]
                return ring.oldest(rendition) == list.first && ring.newest(rendition) == list.last
                    && ring.lastEvicted(rendition) == evicted[rendition, default: 0]
                    && numbers.allSatisfy { number in
                        ring.first(rendition, from: number) == list.first { $0.sequence >= number }
                    }
                    && times.allSatisfy { time in
                        ring.first(rendition, at: time) == list.first { $0.timestamp >= time }
                    }
            }
    }
}
