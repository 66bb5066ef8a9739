import GRDB
package import SecamWire

extension RecordingIndex {
    /// Inserts segments of one minute each, from 1970 on and without files, for benchmarks and tests of large indexes.
    package func insertPlaceholders(of camera: Name, count: Int) throws(RecordingError) {
        try write("inserting placeholders") { db in
            let row = try db.makeStatement(
                sql: """
                    INSERT INTO segment
                        (camera, path, incarnation, firstSequence, lastSequence, start, end, frames, bytes, map, state,
                         writer)
                    VALUES (?, ?, 1, ?, ?, ?, ?, 1800, 100000000, x'', 1, 'bench')
                    """)
            for number in 0..<Int64(count) {
                try row.execute(arguments: [
                    camera.text, "\(camera)/\(number)", number * 1800, number * 1800 + 1799, number * 60_000_000,
                    number * 60_000_000 + 59_966_667,
                ])
            }
        }
    }
}
