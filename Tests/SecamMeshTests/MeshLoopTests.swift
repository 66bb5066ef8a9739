import Glibc
import SecamBase
import SecamMesh
import SecamTestSupport
import Synchronization
import Testing

@Suite struct MeshLoopTests {
    @Test func `blocks run on one thread in each poster's order`() async throws {
        let loop = MeshLoop(name: "test-order")
        let seen = Seen<Int>()
        let threads = Seen<pthread_t>()
        let posters = Seen<Int>()
        for poster in 0..<4 {
            DedicatedThread.start {
                for number in 0..<2000 {
                    loop.post {
                        seen.add(poster * 10_000 + number)
                        threads.add(pthread_self())
                    }
                }
                posters.add(poster)
            }
        }
        #expect(try await waitUntil { seen.values.count == 8000 && posters.values.count == 4 })
        for poster in 0..<4 {
            #expect(seen.values.filter { $0 / 10_000 == poster } == (0..<2000).map { poster * 10_000 + $0 })
        }
        #expect(Set(threads.values).count == 1)
        loop.stop()
    }

    @Test func `an actor of the loop runs only on its thread`() async throws {
        let loop = MeshLoop(name: "test-actor")
        let owner = Owner(loop)
        #expect(loop.isIsolatingCurrentContext() == false)
        #expect(await owner.isOnLoop)
        let fromBlock = Seen<Bool>()
        loop.post { fromBlock.add(owner.assumeIsolated { $0.count(5) == 5 }) }
        #expect(try await waitUntil { fromBlock.values == [true] })
        await withTaskGroup { group in
            for _ in 0..<500 { group.addTask { _ = await owner.count(1) } }
        }
        #expect(await owner.count(0) == 505)
        loop.stop()
    }

    @Test func `a timer fires once or periodically until it is paused or cancelled`() async throws {
        let loop = MeshLoop(name: "test-timer")
        let fired = Seen<String>()
        loop.post {
            let once = loop.makeTimer { fired.add("once") }
            once.schedule(after: .milliseconds(10))
            // Replaces the first schedule.
            once.schedule(after: .milliseconds(1))
            let repeated = Held<LoopTimer>()
            repeated.value = loop.makeTimer {
                fired.add("again")
                if fired.values.filter({ $0 == "again" }).count == 3 { repeated.value?.pause() }
            }
            repeated.value?.schedule(every: .milliseconds(1))
            let cancelled = loop.makeTimer { fired.add("cancelled") }
            cancelled.schedule(after: .microseconds(1))
            cancelled.cancel()
            let unscheduled = loop.makeTimer { fired.add("unscheduled") }
            #expect(!unscheduled.isScheduled && once.isScheduled)
            // Fires after all other timers.
            let end = loop.makeTimer { fired.add("end") }
            end.schedule(after: .milliseconds(100))
        }
        #expect(try await waitUntil { fired.values.last == "end" })
        #expect(fired.values.filter { $0 == "once" }.count == 1)
        #expect(fired.values.filter { $0 == "again" }.count == 3)
        #expect(Set(fired.values) == ["once", "again", "end"])
        loop.stop()
    }

    @Test func `a timer never fires early`() async throws {
        let loop = MeshLoop(name: "test-early")
        let elapsed = Seen<Int64>()
        loop.post {
            for delay: Int64 in [500, 1000, 1500, 20_000] {
                let start = MonotonicTime.now
                let timer = loop.makeTimer { elapsed.add((MonotonicTime.now - start).microseconds - delay) }
                timer.schedule(after: .microseconds(delay))
            }
        }
        #expect(try await waitUntil { elapsed.values.count == 4 })
        #expect(elapsed.values.allSatisfy { $0 >= 0 })
        loop.stop()
    }

    @Test func `blocks posted before the stop run and then the thread ends`() async throws {
        let seen = Seen<Int>()
        weak var gone: MeshLoop?
        do {
            let loop = MeshLoop(name: "test-end-77")
            gone = loop
            // Blocks the loop, so that the other blocks are queued when it stops.
            let gate = BlockingQueue<Int>()
            loop.post { _ = gate.pop() }
            for number in 0..<100 { loop.post { seen.add(number) } }
            loop.stop()
            loop.post { seen.add(1000) }
            gate.close()
        }
        #expect(try await waitUntil { seen.values.count == 100 && gone == nil })
        #expect(try await waitUntil { !threadNames().contains("test-end-77") })
        #expect(seen.values == Array(0..<100))
    }

    @Test func `a handler may stop watching its own socket`() async throws {
        let loop = MeshLoop(name: "test-unwatch")
        let keys = try KeyPair()
        let seen = Seen<String>()
        let held = HeldSockets()
        loop.post {
            do {
                let context = try MeshContext()
                let admission = try ZAPHandler(context, isAdmitted: { _ in true }, onRefusal: { _, _ in })
                let server = try MeshSocket.listen(admission: admission, endpoint: "tcp://127.0.0.1:*", keys: keys)
                let client = try MeshSocket.connect(
                    try MeshContext(), endpoint: server.endpoint, serverKey: keys.publicKey, keys: try KeyPair())
                held.all = [admission, server, client]
                loop.watch(admission)
                loop.watch(server) {
                    guard server.receive() != nil else { return }
                    seen.add("received")
                    loop.unwatch(server)
                    loop.unwatch(admission)
                    held.all = []
                    seen.add("released")
                }
                held.timer = loop.makeTimer { client.send(MeshMessage([1])) }
                held.timer?.schedule(every: .milliseconds(20))
            } catch { seen.add("\(error)") }
        }
        #expect(try await waitUntil { seen.values.contains("released") })
        // The loop continues.
        loop.post { seen.add("after") }
        #expect(try await waitUntil { seen.values.last == "after" })
        #expect(seen.values == ["received", "released", "after"])
        loop.post {
            held.timer?.cancel()
            held.timer = nil
        }
        loop.stop()
    }

    @Test func `an unwatched socket is released`() async throws {
        let loop = MeshLoop(name: "test-let-go")
        let seen = Seen<String>()
        loop.post {
            do {
                weak var watched: MeshSocket?
                do {
                    let admission = try ZAPHandler(
                        try MeshContext(), isAdmitted: { _ in true }, onRefusal: { _, _ in })
                    let server = try MeshSocket.listen(
                        admission: admission, endpoint: "tcp://127.0.0.1:*", keys: try KeyPair())
                    watched = server
                    // Captures the owner, as a real handler does.
                    loop.watch(server) { _ = server.receive() }
                    loop.unwatch(server)
                }
                seen.add(watched == nil ? "released" : "kept")
            } catch { seen.add("\(error)") }
        }
        #expect(try await waitUntil { !seen.values.isEmpty })
        #expect(seen.values == ["released"])
        loop.stop()
    }
}

/// Values recorded in order, from any thread.
final class Seen<Value: Sendable>: Sendable {
    private let all = Mutex<[Value]>([])
    var values: [Value] { all.withLock { $0 } }
    func add(_ value: Value) { all.withLock { $0.append(value) } }
}

private final class Held<Value> { var value: Value? }

/// A value that only the loop's thread uses.
private final class HeldSockets: @unchecked Sendable {
    var all: [AnyObject] = []
    var timer: LoopTimer?
}

private actor Owner {
    private let loop: MeshLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private var sum = 0

    init(_ loop: MeshLoop) { self.loop = loop }

    var isOnLoop: Bool { loop.isIsolatingCurrentContext() == true }

    func count(_ number: Int) -> Int {
        sum += number
        return sum
    }
}

/// Returns the names of this process's threads.
private func threadNames() -> [String] {
    guard let directory = unsafe opendir("/proc/self/task") else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
        let number = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        let descriptor = unsafe open("/proc/self/task/\(number)/comm", O_RDONLY)
        guard descriptor >= 0 else { continue }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = unsafe read(descriptor, &bytes, bytes.count)
        if count > 1 { names.append(String(decoding: bytes[..<(count - 1)], as: UTF8.self)) }
    }
    return names
}
