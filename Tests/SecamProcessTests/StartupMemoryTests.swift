import Foundation
import Glibc
import Testing

@testable import SecamProcess

@Suite struct StartupMemoryTests {
    /// Most libraries are loaded as dependencies of others, and their code never runs.
    @Test func `pages used only at start are released and come back on use`() throws {
        let pages = try Self.codePages()
        try #require(pages.count > 20)
        let before = pages.map(Self.firstByte)
        #expect(try pages.filter(Self.isResident).count == pages.count)
        StartupMemory.release()
        // Other tests run at the same time and may use some of the pages.
        #expect(try pages.filter(Self.isResident).count < pages.count / 2)
        #expect(pages.map(Self.firstByte) == before)
    }

    private static func firstByte(_ page: UInt) -> UInt8? {
        unsafe UnsafePointer<UInt8>(bitPattern: page)?.pointee
    }

    /// Returns the start addresses of the libraries' code.
    private static func codePages() throws -> [UInt] {
        // The file reports the size 0, so it is read to its end.
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
