import Foundation
import Glibc
import Testing

@testable import SecamProcess

@Suite struct StartupMemoryTests {
    /// Most libraries are there for the sake of others, and nobody runs what is in them.
    @Test func `what only starting reads is taken out of the process, and comes again when it is needed`() throws {
        let pages = try Self.codePages()
        try #require(pages.count > 20)
        let before = pages.map(Self.firstByte)
        #expect(try pages.filter(Self.isResident).count == pages.count)
        StartupMemory.release()
        // Other tests run meanwhile, and may need some of them.
        #expect(try pages.filter(Self.isResident).count < pages.count / 2)
        #expect(pages.map(Self.firstByte) == before)
    }

    private static func firstByte(_ page: UInt) -> UInt8? {
        unsafe UnsafePointer<UInt8>(bitPattern: page)?.pointee
    }

    /// Where the libraries' code begins.
    private static func codePages() throws -> [UInt] {
        // It comes in pieces, of which a file that says that it is empty is taken to have one.
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/maps"))
        defer { try? file.close() }
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ", omittingEmptySubsequences: true)
            guard fields.count > 5, fields[1] == "r-xp", fields[5].contains(".so") else { return nil }
            return UInt(fields[0].prefix { $0 != "-" }, radix: 16)
        }
    }

    private static func isResident(_ address: UInt) throws -> Bool {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/pagemap"))
        defer { try? file.close() }
        try file.seek(toOffset: UInt64(address) / UInt64(getpagesize()) * 8)
        let entry = try #require(try file.read(upToCount: 8))
        return try #require(entry.last) & 0x80 != 0
    }
}
