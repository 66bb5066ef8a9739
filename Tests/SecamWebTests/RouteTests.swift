import Foundation
import NIOHTTP1
import Testing

@testable import SecamWeb

struct RouteTests {
    /// The operations of the interface's description, by path.
    private static func described() throws -> [String: Set<String>] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../proto-spec/openapi.yaml")
        let text = try String(contentsOf: file.standardizedFileURL, encoding: .utf8)
        var operations: [String: Set<String>] = [:]
        var path: String?
        for line in text.split(separator: "\n") {
            if line.hasPrefix("  /"), line.hasSuffix(":") {
                path = String(line.dropFirst(2).dropLast())
            } else if !line.hasPrefix("    ") {
                path = nil
            } else if let path, !line.hasPrefix("     "), line.hasSuffix(":") {
                operations[path, default: []].insert(line.dropFirst(4).dropLast().uppercased())
            }
        }
        return operations
    }

    @Test func `every described operation exists, and no other`() throws {
        let described = try Self.described()
        #expect(described.count == 14)
        for (path, methods) in described {
            let segments = path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }
            let route = Route(segments)
            #expect(route != .unknown, "\(path)")
            #expect(Set(route.methods.map(\.rawValue)).subtracting(["HEAD"]) == methods, "\(path)")
        }
    }

    @Test func `names in paths are taken whole`() {
        #expect(Route(["api", "v1", "cameras", "front door", "snapshot.jpg"]) == .snapshot("front door"))
        #expect(Route(["api", "v1", "cameras", "snapshot.jpg"]) == .camera("snapshot.jpg"))
        #expect(Route(["api", "v1", "cameras", "a", "other.jpg"]) == .unknown)
        #expect(Route(["api", "v1", "cameras", "a", "snapshot.jpg", ""]) == .unknown)
        #expect(Route(["API", "v1", "cameras"]) == .unknown)
    }
}
