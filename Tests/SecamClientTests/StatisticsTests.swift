import SecamWire
import Testing

@testable import SecamClient

@Suite("Statistics of frames and latencies")
struct StatisticsTests {
    @Test func `percentiles are exact to one per cent at any magnitude`() throws {
        for scale: Int64 in [1, 37, 1_000, 1_000_000] {
            var latency = LatencyStatistics()
            for value in Int64(1)...1000 { latency.record(microseconds: value * scale) }
            for (fraction, exact) in [(0.5, 500.0), (0.99, 990.0), (1.0, 1000.0)] {
                let wanted = exact * Double(scale)
                #expect(abs(try #require(latency.percentile(fraction)) - wanted) <= wanted / 100)
            }
        }
    }

    @Test func `small values are exact, huge ones are capped, and an empty histogram has no percentile`() {
        var latency = LatencyStatistics()
        #expect(latency.percentile(0.5) == nil)
        for value in [Int64.min, -5, 0, 1, 127] { latency.record(microseconds: value) }
        #expect(latency.percentile(0.5) == 0)
        #expect(latency.percentile(1) == 127)
        latency.record(microseconds: .max)
        #expect(try! #require(latency.percentile(1)) > 6e10)
    }

    @Test func `frames, bytes and missing sequence numbers within an incarnation are counted`() throws {
        var statistics = CameraStatistics()
        for (sequence, incarnation, received): (UInt64, UInt64, Int64) in [
            (1, 7, 0), (2, 7, 100_000), (5, 7, 200_000), (4, 7, 300_000), (1, 8, 400_000), (3, 8, 500_000),
        ] {
            statistics.record(
                try frame(sequence: sequence, incarnation: incarnation, timestamp: received - 64, received: received))
        }
        #expect(statistics.frames == 6)
        #expect(statistics.bytes == UInt64(6 * TestJPEG.bytes.count))
        #expect(statistics.gaps == 3)
        #expect(statistics.framesPerSecond == 10)
        let text = LiveStatistics.json([(try Name("demo"), statistics)])
        #expect(
            text == """
                {"cameras":{"demo":{"frames":6,"fps":10.0,"bytes":\(6 * TestJPEG.bytes.count),"gaps":3,\
                "latency_ms":{"p50":0.064,"p99":0.064}}}}
                """)
    }

    @Test func `latencies are corrected by the difference of the clocks`() throws {
        var statistics = CameraStatistics()
        let difference: Int64 = -3_600_000_000
        for sequence: UInt64 in 1...3 {
            let captured = Int64(sequence) * 100_000
            statistics.record(
                try frame(
                    sequence: sequence, timestamp: captured, received: captured + difference + 64,
                    clockDifference: difference))
        }
        let notice = try #require(statistics.clockNotice(camera: try Name("demo")))
        #expect(notice.contains("this machine's clock is 3600.0 s behind the gateway's"))
        let text = LiveStatistics.json([(try Name("demo"), statistics)])
        #expect(text.contains(#""latency_ms":{"p50":0.064,"p99":0.064},"clock_difference_ms":-3600000"#), "\(text)")
    }

    @Test(arguments: [-69_256_347_000, 7_200_000_000] as [Int64])
    func `no latency is invented for a camera whose clock is wrong`(delay: Int64) throws {
        var statistics = CameraStatistics()
        for sequence: UInt64 in 1...3 {
            let received = Int64(sequence) * 100_000
            statistics.record(try frame(sequence: sequence, timestamp: received - delay, received: received))
        }
        #expect(statistics.cameraClockDifference == -delay)
        #expect(statistics.clockNotice(camera: try Name("demo"))?.contains("clock of camera 'demo'") == true)
        let text = LiveStatistics.json([(try Name("demo"), statistics)])
        #expect(text.contains(#""latency_ms":{"p50":null,"p99":null}"#), "\(text)")
    }

    @Test func `a hostile gateway's numbers do not overflow the counters`() throws {
        var statistics = CameraStatistics()
        for sequence: UInt64 in [0, .max, 0, .max, 0, .max] {
            statistics.record(try frame(sequence: sequence, timestamp: .min, received: .max))
        }
        #expect(statistics.gaps == .max)
        #expect(statistics.framesPerSecond == 0)
    }

    @Test func `the recent rate is that of the last frames`() {
        var rate = RecentRate()
        #expect(rate.framesPerSecond == 0)
        for index in 0..<100 { rate.record(Int64(index) * 40_000) }
        #expect(rate.framesPerSecond == 25)
        rate.record(100_000_000)
        #expect(rate.framesPerSecond == 0)
    }
}
