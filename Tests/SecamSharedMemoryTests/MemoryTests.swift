import CLinux
import Glibc
import SecamBase
import SecamSharedMemory
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamSharedMemory

@Suite struct MemoryTests {
    private let shape: MemoryShape

    init() throws { shape = try #require(MemoryShape(pictureLength: 6000)) }

    private func map(_ file: MemoryFile) throws -> MappedMemory {
        try MappedMemory(file.descriptor, number: file.number, shape: file.shape)
    }

    private func fill(_ file: MemoryFile, _ byte: UInt8, length: Int = 6000) -> PictureSlot? {
        file.slot(length: length) { picture in
            for index in 0..<picture.count { picture[index] = byte }
        }
    }

    @Test func `a picture is read in place, and its slot is free after the last reference`() throws {
        let file = try MemoryFile(shape)
        let memory = try map(file)
        var slot = fill(file, 7)
        let (index, generation) = try (#require(slot).index, #require(slot).generation)
        #expect(file.freeSlots == shape.slots - 1)
        let sum = try memory.withPicture(slot: index, generation: generation, length: 6000) { picture in
            (0..<picture.count).reduce(0) { $0 + Int(picture[$1]) }
        }
        #expect(sum == 7 * 6000)
        slot = nil
        #expect(file.freeSlots == shape.slots)
    }

    @Test func `a file has no slot for a picture that is too long, or beyond the last slot`() throws {
        let file = try MemoryFile(shape)
        #expect(fill(file, 1, length: shape.pictureLimit + 1) == nil)
        let slots = (0..<shape.slots).map { fill(file, UInt8($0)) }
        #expect(slots.allSatisfy { $0 != nil } && Set(slots.map { $0!.index }).count == shape.slots)
        #expect(fill(file, 1) == nil)
        withExtendedLifetime(slots) {}
    }

    @Test func `a slot is free after a picture that could not be written`() throws {
        let file = try MemoryFile(shape)
        #expect(throws: TestFailure.self) {
            try file.slot(length: 100) { (_: inout MutableSpan<UInt8>) throws(TestFailure) in throw TestFailure("full")
            }
        }
        #expect(file.freeSlots == shape.slots)
    }

    @Test func `a picture that was replaced before or while it is read is not used`() throws {
        let file = try MemoryFile(shape)
        let memory = try map(file)
        var slot = fill(file, 1)
        let (index, generation) = try (#require(slot).index, #require(slot).generation)
        #expect(throws: MappedMemory.SlotFailure.recycled) {
            try memory.withPicture(slot: index, generation: generation, length: 6000) { _ in
                slot = nil
                slot = fill(file, 2)
            }
        }
        #expect(throws: MappedMemory.SlotFailure.recycled) {
            try memory.withPicture(slot: index, generation: generation, length: 6000) { _ in }
        }
        #expect(try #require(slot).index == index && slot!.generation > generation)
    }

    @Test(arguments: [(0, 6000), (-1, 6000), (8, 6000), (65535, 6000), (Int.max, 6000), (0, 0), (0, -1), (0, 1 << 32)])
    func `a slot or length outside of the file is refused`(slot: Int, length: Int) throws {
        let file = try MemoryFile(shape)
        let memory = try map(file)
        let picture = fill(file, 1)
        // The first slot is taken; the argument for it must then have a wrong length or generation.
        #expect(throws: MappedMemory.SlotFailure.self) {
            try memory.withPicture(slot: slot, generation: .max, length: length) { _ in }
        }
        #expect(throws: MappedMemory.SlotFailure.outOfRange) {
            try memory.withPicture(slot: 0, generation: 1, length: shape.pictureLimit + 1) { _ in }
        }
        withExtendedLifetime(picture) {}
    }

    @Test func `an encoder cannot write, and the camera cannot change the size`() throws {
        let file = try MemoryFile(shape)
        #expect(ftruncate(file.descriptor, 0) != 0)
        #expect(ftruncate(file.descriptor, file.shape.byteCount * 2) != 0)
        #expect(unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.descriptor, 0) == MAP_FAILED)
        #expect(unsafe pwrite(file.descriptor, [UInt8(1)], 1, 0) < 0)
        #expect(secam_add_seals(file.descriptor, 0) != 0)
        // FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE: a page that is gone would be new memory of the encoder.
        #expect(secam_punch_hole(file.descriptor, 0, 4096) != 0)
    }

    @Test func `a file is held elsewhere while another one has it open or mapped`() throws {
        let file = try MemoryFile(shape)
        #expect(!file.isHeldElsewhere)
        let opened = try file.openForReading()
        #expect(file.isHeldElsewhere, "not received yet")
        var memory: MappedMemory? = try MappedMemory(opened, number: file.number, shape: file.shape)
        close(opened)
        #expect(file.isHeldElsewhere, "mapped")
        withExtendedLifetime(memory) {}
        memory = nil
        #expect(!file.isHeldElsewhere)
    }

    @Test func `the file that an encoder gets can only be read`() throws {
        let file = try MemoryFile(shape)
        let opened = try file.openForReading()
        defer { close(opened) }
        #expect(fcntl(opened, F_GETFL) & O_ACCMODE == O_RDONLY)
        #expect(unsafe mmap(nil, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, opened, 0) == MAP_FAILED)
        #expect(secam_add_seals(opened, 0) != 0)
    }

    @Test func `the shape of a file is bounded`() throws {
        #expect(MemoryShape(pictureLength: 0) == nil && MemoryShape(pictureLength: .max) == nil)
        let large = try #require(MemoryShape(pictureLength: 12_441_600))
        #expect(large.slots == 5 && large.byteCount <= WireLimits.memoryFile)
        #expect(MemoryShape(pictureLength: 33_554_432) == nil, "one slot is of no use")
        for (slots, length) in [(0, 4096), (1, 0), (1, 64), (1, 100), (64, 2 << 20), (1, 4097)] as [(UInt16, UInt32)] {
            #expect(MemoryShape(share(slots: slots, length: length)) == nil, "\(slots) of \(length)")
        }
        #expect(MemoryShape(share(slots: 64, length: 1 << 20))?.byteCount == WireLimits.memoryFile)
    }

    private func share(slots: UInt16, length: UInt32) -> Share {
        Share(
            memory: 1, slots: slots, slotLength: length, ticket: [UInt8](repeating: 0, count: 32),
            socket: try! Name("camera"))
    }

    // MARK: Files that a hostile camera hands out

    @Test func `an unsealed file is refused, and one with any seal missing`() throws {
        for seals in [0, 0x2 | 0x4 | 0x10, 0x1 | 0x4 | 0x10, 0x1 | 0x2 | 0x4] as [CInt] {
            let file = unsafe secam_create_memory_file("test")
            defer { close(file) }
            #expect(ftruncate(file, shape.byteCount) == 0 && posix_fallocate(file, 0, shape.byteCount) == 0)
            #expect(secam_add_seals(file, seals) == 0)
            #expect(throws: SharingFailure.self) { try MappedMemory(file, number: 1, shape: shape) }
        }
    }

    @Test(arguments: [-1, 1, -4096, 4096])
    func `a file of another size is refused`(difference: Int) throws {
        let file = unsafe secam_create_memory_file("test")
        defer { close(file) }
        let size = shape.byteCount + difference
        #expect(ftruncate(file, size) == 0 && posix_fallocate(file, 0, size) == 0)
        #expect(secam_add_seals(file, secam_final_seals) == 0)
        #expect(throws: SharingFailure.self) { try MappedMemory(file, number: 1, shape: shape) }
    }

    @Test func `a file with holes is refused`() throws {
        let file = unsafe secam_create_memory_file("test")
        defer { close(file) }
        #expect(ftruncate(file, shape.byteCount) == 0 && posix_fallocate(file, 0, shape.byteCount - 4096) == 0)
        #expect(secam_add_seals(file, secam_final_seals) == 0)
        #expect(throws: SharingFailure.self) { try MappedMemory(file, number: 1, shape: shape) }
    }

    @Test func `another kind of file is refused`() throws {
        let scratch = try ScratchFolder()
        try scratch.write([UInt8](repeating: 0, count: shape.byteCount), to: "file")
        for path in [scratch.file("file"), scratch.path, "/dev/null", "/proc/self/maps"] {
            let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
            defer { close(file) }
            #expect(throws: SharingFailure.self) { try MappedMemory(file, number: 1, shape: shape) }
        }
    }
}
