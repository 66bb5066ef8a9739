/// Footage of a noisy gray picture, 320x240 at ten frames a second, with one visit: something crosses the picture.
package enum VisitFootage {
    /// Makes the film `visit.mkv`.
    ///
    /// - Parameters:
    ///   - seconds: the length of the film.
    ///   - visit: the seconds of the visit.
    ///   - speed: pixels per second.
    /// - Returns: the source, as a value of `--camera`.
    package static func make(
        seconds: Int, visit: Range<Int>, speed: Int, in scratch: ScratchFolder
    ) async throws -> String {
        let x = "if(between(t,\(visit.lowerBound),\(visit.upperBound)),(t-\(visit.lowerBound))*\(speed)-40,-200)"
        let scene = "[0:v]noise=alls=6:allf=t[b];[b][1:v]overlay=x='\(x)':y=80,format=yuvj420p"
        try await Programs.tool(
            [
                "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "color=c=gray:s=320x240:r=10:d=\(seconds)", "-f", "lavfi",
                "-i", "color=c=white:s=40x90:r=10:d=\(seconds)", "-filter_complex", scene, "-c:v", "mjpeg", "-q:v", "3",
                "visit.mkv",
            ], in: scratch)
        return "file:\(scratch.file("visit.mkv"))"
    }
}
