import CLinux
import Glibc
import SecamBase
import SecamMesh
import SecamSharedMemory
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamEncode

struct CameraMemoryTests {
    private let start = MonotonicTime(microseconds: 1_000_000_000)

    private func share(_ memory: UInt64) throws -> Share {
        Share(
            memory: memory, slots: 8, slotLength: 8192, ticket: [UInt8](repeating: 0, count: 32),
            socket: try Name("camera"))
    }

    @Test func `a camera that offers again and again is visited once in five seconds`() throws {
        var memory = CameraMemory()
        var visits = 0
        for second in 0..<20 {
            guard memory.accept(try share(UInt64(second + 1)), othersMapped: 0, now: start + .seconds(Int64(second)))
            else { continue }
            visits += 1
            _ = memory.handle(.failure(SharingFailure("refused")), now: start)
        }
        #expect(visits == 4)
    }

    @Test func `an offer during a visit is ignored`() throws {
        var memory = CameraMemory()
        let first = memory.accept(try share(1), othersMapped: 0, now: start)
        let second = memory.accept(try share(2), othersMapped: 0, now: start + .seconds(60))
        #expect(first && !second)
    }

    @Test func `a change is reported once`() throws {
        var memory = CameraMemory()
        var changes: [CameraMemory.Change] = []
        for (second, failure) in [SharingFailure("refused"), SharingFailure("refused"), .elsewhere].enumerated() {
            _ = memory.accept(try share(1), othersMapped: 0, now: start + .seconds(Int64(10 * second)))
            changes.append(memory.handle(.failure(failure), now: start))
        }
        #expect(
            changes == [.failed("refused"), .unchanged, .elsewhere(SharingFailure.elsewhere.description)])
    }

    @Test func `the number of cameras is limited`() throws {
        var memory = CameraMemory()
        let limit = CameraMemory.cameraLimit
        let beyond = memory.accept(try share(1), othersMapped: limit, now: start)
        let within = memory.accept(try share(1), othersMapped: limit - 1, now: start)
        #expect(!beyond && within)
    }

    @Test func `jobs under way when the memory is replaced still find theirs, for three seconds`() throws {
        var memory = CameraMemory()
        let shape = try #require(MemoryShape(pictureLength: 100))
        let files = [try MemoryFile(shape), try MemoryFile(shape)]
        for (index, file) in files.enumerated() {
            let time = start + .seconds(Int64(10 * index))
            #expect(memory.memory(file.number) == nil)
            _ = memory.accept(try share(file.number), othersMapped: 0, now: time)
            _ = memory.handle(.success(try file.mapped()), now: time)
        }
        memory.tick(now: start + .seconds(13))
        #expect(memory.mapped?.number == files[1].number && memory.memory(files[0].number) != nil)
        memory.tick(now: start + .microseconds(13_000_001))
        #expect(memory.memory(files[0].number) == nil && memory.memory(files[1].number) != nil)
        let isVisited = memory.accept(try share(0), othersMapped: 0, now: start + .seconds(60))
        #expect(!isVisited && memory.mapped == nil && !memory.isOccupied)
    }
}

/// A camera's listening socket, in a folder of its own.
private struct CameraSocket: ~Copyable {
    let descriptor: CInt

    init(_ path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: path.utf8) }
        let status = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard status == 0, listen(descriptor, 8) == 0 else { throw TestFailure("bind: errno \(errno)") }
    }

    deinit { close(descriptor) }
}

/// A TCP connection whose client side closes only when the peer has received everything, or is gone.
private struct LingeringConnection {
    let client: CInt
    let peer: CInt

    init() throws {
        let listener = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(listener) }
        let connecting = socket(AF_INET, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(listener, pointer, length) == 0 && listen(listener, 1) == 0
                    && getsockname(listener, pointer, &length) == 0 && connect(connecting, pointer, length) == 0
            }
        }
        client = connecting
        peer = accept(listener, nil, nil)
        guard status, peer >= 0 else { throw TestFailure("no connection: errno \(errno)") }
        var option = linger(l_onoff: 1, l_linger: 3600)
        unsafe setsockopt(client, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        let bytes = [UInt8](repeating: 0, count: 1 << 16)
        while unsafe send(client, bytes, bytes.count, CInt(MSG_DONTWAIT)) > 0 {}
    }
}

struct MemoryVisitsTests {
    private final class Outcomes: Sendable {
        let visits = Mutex<[String: Int]>([:])

        func count(_ name: String) -> Int { visits.withLock { $0[name] ?? 0 } }
    }

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let scratch: ScratchFolder
    private let visits: MemoryVisits
    private let outcomes = Outcomes()

    init() throws {
        scratch = try ScratchFolder()
        visits = MemoryVisits(folder: scratch.path)
    }

    private func visit(_ name: String) throws {
        let outcomes = outcomes
        let share = Share(
            memory: 1, slots: 8, slotLength: 8192, ticket: [UInt8](repeating: 0, count: 32), socket: try Name(name))
        visits.start(share, of: try Name(name)) { outcome in
            guard case .failure = outcome else { return }
            outcomes.visits.withLock { $0[name, default: 0] += 1 }
        }
    }

    /// Makes a visit hang: the camera answers with a connection, and the visitor closes it last.
    ///
    /// - Returns: the connection's peer, whose end ends the visit.
    private func makeVisitHang(_ listener: CInt) async throws -> CInt {
        for attempt in 1...100 {
            let connection = try LingeringConnection()
            try visit("hostile")
            let visitor = accept(listener, nil, nil)
            let isClosed = Flag()
            DedicatedThread.start {
                _ = secam_send_descriptor(visitor, connection.client)
                close(visitor)
                close(connection.client)
                isClosed.isSet.store(true, ordering: .releasing)
            }
            // Of the two, the one that closes it last hangs.
            try await eventually("one of two descriptors is closed") {
                isClosed.isSet.load(ordering: .acquiring) || outcomes.count("hostile") == attempt
            }
            if isClosed.isSet.load(ordering: .acquiring) { return connection.peer }
            close(connection.peer)
            try await eventually("the camera's descriptor is closed") { isClosed.isSet.load(ordering: .acquiring) }
        }
        throw TestFailure("the visitor was never the last one")
    }

    @Test func `a camera that makes a visit hang delays no other one`() async throws {
        let hostile = try CameraSocket(scratch.file("hostile"))
        let peer = try await makeVisitHang(hostile.descriptor)
        let before = outcomes.count("hostile")
        try visit("other")
        try await eventually("the other camera's visit ends") { outcomes.count("other") == 1 }
        #expect(outcomes.count("hostile") == before)
        try visit("hostile")
        #expect(outcomes.count("hostile") == before + 1, "a second visit at once is refused")
        close(peer)
        try await eventually("the hostile camera's visit ends") { outcomes.count("hostile") == before + 2 }
        withExtendedLifetime(hostile.descriptor) {}
    }
}

struct MessageHeaderTests {
    private func message(memory: UInt64, length: UInt32, payload: Int) -> MeshMessage {
        let work = Work(
            job: 1, renditions: .jpeg, quality: 80, subWidth: 320, format: .i420, width: 16, height: 16, memory: memory,
            slot: 0, generation: 1, length: length)
        return MeshMessage(work.encoded(payload: payload), payload: [UInt8](repeating: 0, count: payload)[...])
    }

    @Test func `a picture counts with its size in memory or in the message, not with what the camera claims`() throws {
        let file = try MemoryFile(try #require(MemoryShape(pictureLength: 6000)))
        var memory = CameraMemory()
        let now = MonotonicTime(microseconds: 0)
        let share = Share(
            memory: file.number, slots: 8, slotLength: 8192, ticket: [UInt8](repeating: 0, count: 32),
            socket: try Name("camera"))
        _ = memory.accept(share, othersMapped: 0, now: now)
        _ = memory.handle(.success(try file.mapped()), now: now)
        func size(_ number: UInt64, _ length: UInt32, payload: Int) -> (isFound: Bool, byteCount: Int) {
            let message = message(memory: number, length: length, payload: payload)
            let picture = MessageHeader(message).picture(in: memory, messageLength: message.count)
            return (picture.memory != nil, picture.byteCount)
        }
        let overhead = message(memory: 0, length: 0, payload: 0).count
        #expect(size(file.number, 6000, payload: 0) == (true, 6000))
        #expect(size(file.number, .max, payload: 0) == (true, file.shape.pictureLimit))
        #expect(size(file.number &+ 1, .max, payload: 0) == (false, overhead))
        #expect(size(0, .max, payload: 300) == (false, overhead + 300))
    }
}
