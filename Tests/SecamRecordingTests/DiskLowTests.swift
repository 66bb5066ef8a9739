import Glibc
import SecamTestSupport
import SecamWire
import Testing

@testable import SecamRecording

@Suite struct DiskLowTests {
    @Test func `an archive reports a disk that is nearly full`() throws {
        let recordings = try Recordings()
        let free = try #require(recordings.index.folder.freeBytes)
        func isLow(reserve: UInt64) throws -> Bool {
            let store = try RecordingStore(
                recordings.index, writer: "a", limits: StorageQuota(maximumBytes: nil, minimumFreeBytes: reserve),
                logger: quiet)
            let isLow = store.figures.contains(Figure(.diskLow, 1))
            #expect(isLow == (store.diskLowCause != nil))
            if let cause = store.diskLowCause {
                #expect(cause.hasPrefix("\(recordings.folder.path): "))
                #expect(cause.contains("\(reserve >> 20) MiB are the reserve"))
            }
            return isLow
        }
        // Other programs use the disk too, so the reserve is twice the free space.
        #expect(try isLow(reserve: free * 2))
        let margin = min(try #require(recordings.index.folder.volumeBytes) / 20, 10 << 30)
        #expect(try isLow(reserve: 0) == (free < margin))
    }
}
