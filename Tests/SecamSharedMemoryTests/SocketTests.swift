import CLinux
import Glibc
import SecamBase
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamSharedMemory

/// A camera's socket, served by a thread of its own.
private final class Camera: Sendable {
    let file: MemoryFile
    let failures = Mutex<[SharingFailure]>([])
    private let tickets = Mutex<Set<[UInt8]>>([])
    private let name = Mutex<Result<Name, SharingFailure>?>(nil)
    private let isStopped = Atomic(false)
    private let isDone = Atomic(false)
    private let waker: Waker

    init(in folder: String) async throws {
        file = try MemoryFile(try #require(MemoryShape(pictureLength: 6000)))
        waker = try Waker()
        DedicatedThread.start { [self] in
            serve(folder)
            isDone.store(true, ordering: .releasing)
        }
        try await eventually("a socket") { name.withLock { $0 != nil } }
        _ = try name.withLock { $0! }.get()
    }

    func share(_ ticket: [UInt8]) throws -> Share {
        Share(
            memory: file.number, slots: UInt16(file.shape.slots), slotLength: UInt32(file.shape.slotLength),
            ticket: ticket, socket: try name.withLock { $0! }.get())
    }

    func admit(_ ticket: [UInt8]) { tickets.withLock { _ = $0.insert(ticket) } }

    func stop() async throws {
        isStopped.store(true, ordering: .releasing)
        waker.wake()
        try await eventually("the end of the thread") { isDone.load(ordering: .acquiring) }
    }

    private func serve(_ folder: String) {
        let listener: MemoryListener
        do throws(SharingFailure) {
            listener = try MemoryListener(in: folder)
        } catch {
            return name.withLock { $0 = .failure(error) }
        }
        name.withLock { $0 = .success(listener.name) }
        while !isStopped.load(ordering: .acquiring) {
            let news = listener.serve(until: waker) { ticket in
                tickets.withLock { $0.remove(ticket) } == nil ? nil : file
            }
            failures.withLock { $0 += news }
            waker.reset()
        }
    }
}

/// A socket in the folder whose answer is not a camera's.
private struct HostileSocket: ~Copyable {
    let descriptor: CInt

    init(in folder: SocketFolder, _ name: Name) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let status = unsafe folder.withAddress(of: name) { unsafe bind(descriptor, $0, $1) }
        guard status == 0, listen(descriptor, 8) == 0 else { throw TestFailure("bind: errno \(errno)") }
    }

    deinit { close(descriptor) }
}

@Suite struct SocketTests {
    private let scratch: ScratchFolder
    private var folder: String { scratch.file("share") }
    private let ticket = [UInt8](repeating: 9, count: 32)

    init() throws { scratch = try ScratchFolder() }

    private static func openFiles() -> Int { FolderEntries.names(in: "/proc/self/fd").count }

    @Test func `a ticket is exchanged for the memory file, once`() async throws {
        let camera = try await Camera(in: folder)
        camera.admit(ticket)
        let memory = try MemoryVisit.map(camera.share(ticket), folder: folder)
        let slot = try #require(camera.file.slot(length: 3) { $0[2] = 77 })
        let byte = try memory.withPicture(slot: slot.index, generation: slot.generation, length: 3) { $0[2] }
        #expect(byte == 77)
        #expect(throws: SharingFailure("the camera refused the ticket")) {
            try MemoryVisit.map(camera.share(ticket), folder: folder)
        }
        try await eventually("the refusal is reported") { !camera.failures.withLock(\.isEmpty) }
        try await camera.stop()
        #expect(scratch.names == ["share"] && FolderEntries.names(in: folder).isEmpty, "the socket is removed")
    }

    @Test func `a ticket of another camera is refused`() async throws {
        let (camera, other) = (try await Camera(in: folder), try await Camera(in: folder))
        other.admit(ticket)
        #expect(throws: SharingFailure.self) { try MemoryVisit.map(camera.share(ticket), folder: folder) }
        _ = try MemoryVisit.map(other.share(ticket), folder: folder)
        try await camera.stop()
        try await other.stop()
    }

    @Test func `visitors that say nothing or too little do not keep others away`() async throws {
        let camera = try await Camera(in: folder)
        let place = try SocketFolder(folder)
        let share = try camera.share(ticket)
        var silent: [CInt] = []
        for count in 0..<40 {
            let visitor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            #expect(unsafe place.withAddress(of: share.socket) { unsafe connect(visitor, $0, $1) } == 0)
            if count % 2 == 0 { _ = unsafe send(visitor, ticket, 31, Int32(MSG_NOSIGNAL)) }
            silent.append(visitor)
        }
        camera.admit(ticket)
        _ = try MemoryVisit.map(share, folder: folder)
        for visitor in silent { close(visitor) }
        try await camera.stop()
    }

    @Test func `thousands of connections leave room for a visitor with a ticket, and stay bounded`() async throws {
        let camera = try await Camera(in: folder)
        let share = try camera.share(ticket)
        let path = folder
        let (first, second) = (Box(), Box())
        for flooder in [first, second] {
            DedicatedThread.start {
                defer { flooder.isSet.store(true, ordering: .releasing) }
                guard let place = try? SocketFolder(path) else { return }
                var open: [CInt] = []
                var count = 0
                while count < 1000 {
                    let visitor = UnixSocket.make()
                    let status = unsafe place.withAddress(of: share.socket) { unsafe connect(visitor, $0, $1) }
                    count += status == 0 ? 1 : 0
                    open.append(visitor)
                    if open.count > 100 { close(open.removeFirst()) }
                }
                for visitor in open { close(visitor) }
            }
        }
        try await eventually("a visit in the flood") {
            camera.admit(ticket)
            return (try? MemoryVisit.map(share, folder: folder)) != nil
        }
        try await eventually("the end of the flood") {
            first.isSet.load(ordering: .acquiring) && second.isSet.load(ordering: .acquiring)
        }
        try await camera.stop()
        #expect(!camera.file.isHeldElsewhere, "no visitor without a ticket has the file")
    }

    @Test func `no bytes from a visitor end the socket's thread or earn a file`() async throws {
        let camera = try await Camera(in: folder)
        let place = try SocketFolder(folder)
        let share = try camera.share(ticket)
        camera.admit(ticket)
        var generator = SeededGenerator(seed: 18)
        for _ in 0..<500 {
            let visitor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            defer { close(visitor) }
            guard unsafe place.withAddress(of: share.socket, { unsafe connect(visitor, $0, $1) }) == 0 else { continue }
            let bytes = (0..<Int.random(in: 0...100, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            _ = unsafe send(visitor, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        _ = try MemoryVisit.map(share, folder: folder)
        try await camera.stop()
    }

    // MARK: The folder

    @Test func `the folder and the socket are for their user alone`() async throws {
        let camera = try await Camera(in: folder + "//")
        #expect(scratch.mode("share") == 0o700)
        #expect(scratch.mode("share/\(try camera.share(ticket).socket)") == 0o600)
        try await camera.stop()
    }

    @Test(arguments: [0o777, 0o770, 0o702] as [mode_t])
    func `a folder that others can write to is refused`(mode: mode_t) async throws {
        #expect(unsafe mkdir(folder, 0o700) == 0 && chmod(folder, mode) == 0)
        await #expect(throws: SharingFailure.self) { try await Camera(in: folder) }
        #expect(FolderEntries.names(in: folder).isEmpty)
    }

    @Test func `a symbolic link, a file, and a folder without a parent are refused`() async throws {
        #expect(unsafe mkdir(folder, 0o700) == 0 && symlink(folder, scratch.file("link")) == 0)
        try scratch.write("", to: "file")
        for path in [scratch.file("link"), scratch.file("link/"), scratch.file("file"), scratch.file("no/share")] {
            await #expect(throws: SharingFailure.self, "\(path)") { try await Camera(in: path) }
        }
        #expect(FolderEntries.names(in: folder).isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0)) func `a folder of another user is refused`() async throws {
        #expect(unsafe mkdir(folder, 0o700) == 0 && chown(folder, 12345, 12345) == 0)
        await #expect(throws: SharingFailure.self) { try await Camera(in: folder) }
    }

    @Test(.enabled(if: geteuid() == 0)) func `a full folder is refused`() async throws {
        #expect(unsafe mkdir(folder, 0o700) == 0)
        // Two inodes: the folder itself, and one file.
        guard unsafe mount("none", folder, "tmpfs", 0, "nr_inodes=2,mode=700") == 0 else { return }
        defer { unsafe umount(folder) }
        let camera = try await Camera(in: folder)
        await #expect(throws: SharingFailure.self) { try await Camera(in: folder) }
        try await camera.stop()
        try await Camera(in: folder).stop()
    }

    @Test func `a socket that a killed camera left behind is removed, and no other`() async throws {
        let camera = try await Camera(in: folder)
        let place = try SocketFolder(folder)
        for (name, isListening, age) in [("old", false, 60), ("new", false, 0), ("used", true, 60)] {
            let left = try HostileSocket(in: place, Name(name))
            var times = [timespec(), timespec()]
            unsafe clock_gettime(CLOCK_REALTIME, &times[0])
            times[0].tv_sec -= age
            times[1] = times[0]
            #expect(unsafe utimensat(AT_FDCWD, "\(folder)/\(name)", times, 0) == 0)
            guard isListening else { continue }
            try await Camera(in: folder).stop()
            withExtendedLifetime(left.descriptor) {}
        }
        #expect(
            try FolderEntries.names(in: folder).sorted() == [camera.share(ticket).socket.text, "new", "used"].sorted())
        try await camera.stop()
    }

    // MARK: Hostile cameras

    /// What a hostile camera does with a visitor.
    enum Answer: CaseIterable, Sendable {
        case closes, sendsNothing, sendsNoFile, sendsTwoFiles, sendsThousands, sendsUnsealedFile, sendsOtherFile
    }

    @Test(arguments: Answer.allCases)
    func `a hostile camera's file is refused, and no descriptor stays open`(answer: Answer) async throws {
        let place = try SocketFolder(folder)
        let hostile = try HostileSocket(in: place, Name("camera"))
        let listener = hostile.descriptor
        let share = Share(
            memory: 1, slots: 8, slotLength: 8192, ticket: ticket, socket: try Name("camera"))
        let before = SocketTests.openFiles()
        let isDone = Box()
        DedicatedThread.start {
            let visitor = accept(listener, nil, nil)
            SocketTests.answer(answer, visitor)
            close(visitor)
            isDone.isSet.store(true, ordering: .releasing)
        }
        #expect(throws: SharingFailure.self) { try MemoryVisit.map(share, folder: folder) }
        try await eventually("the end of the camera") { isDone.isSet.load(ordering: .acquiring) }
        // Other tests of this process run at the same time, and have descriptors of their own.
        try await eventually("no descriptor is left") { SocketTests.openFiles() <= before + 16 }
        withExtendedLifetime(hostile.descriptor) {}
    }

    private final class Box: Sendable {
        let isSet = Atomic(false)
    }

    private static func answer(_ answer: Answer, _ visitor: CInt) {
        switch answer {
        case .closes: break
        case .sendsNothing: usleep(1_500_000)
        case .sendsNoFile: _ = unsafe send(visitor, [1], 1, Int32(MSG_NOSIGNAL))
        case .sendsTwoFiles: sendFiles([0, 1], visitor)
        case .sendsThousands: for _ in 0..<20 { sendFiles([CInt](repeating: 0, count: 250), visitor) }
        case .sendsUnsealedFile:
            let file = unsafe secam_create_memory_file("test")
            _ = (ftruncate(file, 65536), posix_fallocate(file, 0, 65536), secam_send_descriptor(visitor, file))
            close(file)
        case .sendsOtherFile: _ = secam_send_descriptor(visitor, 0)
        }
    }

    /// Sends one byte with several descriptors.
    private static func sendFiles(_ files: [CInt], _ visitor: CInt) {
        // A cmsghdr: its length, the level and the type, then the descriptors.
        var control = [UInt64](repeating: 0, count: 2 + (files.count + 1) / 2)
        control[0] = UInt64(16 + 4 * files.count)
        control[1] = UInt64(SOL_SOCKET) | UInt64(0x01) << 32
        for (index, file) in files.enumerated() { control[2 + index / 2] |= UInt64(file) << UInt64(32 * (index % 2)) }
        var byte: UInt8 = 1
        unsafe withUnsafeMutablePointer(to: &byte) { byte in
            var part = unsafe iovec(iov_base: byte, iov_len: 1)
            unsafe control.withUnsafeMutableBytes { control in
                unsafe withUnsafeMutablePointer(to: &part) { part in
                    var message = unsafe msghdr()
                    unsafe message.msg_iov = part
                    unsafe message.msg_iovlen = 1
                    unsafe message.msg_control = control.baseAddress
                    unsafe message.msg_controllen = control.count
                    _ = unsafe sendmsg(visitor, &message, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
                }
            }
        }
    }

    @Test func `a socket elsewhere, a symbolic link and a file are no camera's socket`() async throws {
        let camera = try await Camera(in: folder)
        camera.admit(ticket)
        let elsewhere = scratch.file("elsewhere")
        let name = try camera.share(ticket).socket
        #expect(throws: SharingFailure.elsewhere) { try MemoryVisit.map(camera.share(ticket), folder: elsewhere) }
        #expect(unsafe symlink("\(folder)/\(name)", "\(elsewhere)/\(name)") == 0)
        #expect(throws: SharingFailure.elsewhere) { try MemoryVisit.map(camera.share(ticket), folder: elsewhere) }
        try scratch.write("", to: "elsewhere/other")
        let file = Share(memory: 1, slots: 8, slotLength: 8192, ticket: ticket, socket: try Name("other"))
        #expect(throws: SharingFailure.elsewhere) { try MemoryVisit.map(file, folder: elsewhere) }
        try await camera.stop()
    }
}
