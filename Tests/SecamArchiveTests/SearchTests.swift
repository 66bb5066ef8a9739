import Logging
import SecamMesh
import SecamRecording
import SecamTestSupport
import SecamWire
import Synchronization
import Testing

@testable import SecamArchive

/// An archive's answers to SEARCH.
struct SearchTests {
    /// The received answers in order.
    private final class Answers: Sendable {
        let messages = Mutex<[Found]>([])

        func add(_ message: MeshMessage) {
            let found = message.withBytes { bytes in
                (try? Envelope.readWhole(bytes, limit: WireLimits.meshMessage)).flatMap { try? Found.decode(bytes, $0) }
            }
            if let found { messages.withLock { $0.append(found) } }
        }
    }

    private func ask(_ server: SearchServer, _ answers: Answers, _ search: Search) async throws -> [Found] {
        server.handle(.search(search), from: PeerID(number: 1))
        #expect(try await waitUntil { answers.messages.withLock { $0.last?.last == true } })
        return answers.messages.withLock { messages in
            defer { messages = [] }
            return messages
        }
    }

    @Test(arguments: [1, 7, 1000, 100_000])
    func `pages from the newest backwards list each recording once`(limit: UInt32) async throws {
        let scratch = try ScratchFolder()
        let index = try RecordingIndex(RecordingFolder(scratch.path))
        let count = limit == 1 ? 30 : 3000
        let cameras = try ["back", "front", "yard"].map { try Name($0) }
        // The segments of all cameras begin at the same times.
        for camera in cameras { try index.insertPlaceholders(of: camera, count: count) }
        let answers = Answers()
        let server = SearchServer(index, logger: Logger(label: "test")) { message, _ in answers.add(message) }
        defer { server.stop() }
        var told: [FoundRecording] = []
        var end = Int64.max
        var pages = 0
        while true {
            let page = try await ask(
                server, answers,
                Search(
                    request: 1, kinds: .recordings, from: 0, to: end,
                    cameras: pages % 2 == 0 ? [] : cameras.map { Search.Camera(name: $0) }, limit: limit))
            let recordings = page.flatMap(\.recordings)
            #expect(recordings.count <= Int(limit) + cameras.count - 1)
            #expect(recordings.map(\.start) == recordings.map(\.start).sorted())
            if let last = recordings.last?.start, let first = told.first?.start { #expect(last < first) }
            told = recordings + told
            pages += 1
            let since = try #require(page.last?.since)
            guard since > 0 else { break }
            #expect(since < end)
            end = since
        }
        #expect(told.count == cameras.count * count)
        #expect(Set(told).count == told.count)
        #expect(pages >= cameras.count * count / (Int(limit) + cameras.count))
    }
}
