import SecamBase
import SecamMotionDetector

/// The JSON lines of `secam motion-test` for one file.
struct MotionLines {
    /// File name without its extension.
    let sequence: String

    init(file: String) {
        let name = file.split(separator: "/").last.map(String.init) ?? file
        sequence = name.lastIndex(of: ".").map { $0 > name.startIndex ? String(name[..<$0]) : name } ?? name
    }

    /// The first line of a file, which shows that it was analysed even when it has no events.
    var header: String { JSONText.object(["sequence": JSONText.string(sequence)]) }

    /// Returns the line of a frame. Boxes are x, y, width and height in pixels of the full frame.
    func line(_ result: MotionTestFrame) -> String {
        let width = Double(result.frame.frameWidth)
        let height = Double(result.frame.frameHeight)
        let boxes = result.boxes.map { box in
            JSONText.array(
                [box.x * width, box.y * height, box.width * width, box.height * height].map {
                    JSONText.number($0, digits: 1)
                })
        }
        return JSONText.object([
            "sequence": JSONText.string(sequence), "frame": "\(result.frame.number)",
            "motion": result.isMoving ? "true" : "false", "boxes": JSONText.array(boxes),
        ])
    }

    func line(_ transition: MotionTransition) -> String {
        let (state, event) =
            switch transition {
            case .start(let event): ("start", event)
            case .update(let event): ("update", event)
            case .end(let event): ("end", event)
            }
        let box = event.peakBox
        return JSONText.object([
            "sequence": JSONText.string(sequence), "event": "\(event.id)", "state": JSONText.string(state),
            "startMicroseconds": "\(event.startMicroseconds)", "lastMicroseconds": "\(event.lastMicroseconds)",
            "peakScore": JSONText.number(event.peakScore, digits: 1), "peakFrame": "\(event.peakFrame)",
            "peakMicroseconds": "\(event.peakMicroseconds)",
            "peakBox": JSONText.array([box.x, box.y, box.width, box.height].map { JSONText.number($0, digits: 4) }),
        ])
    }

    /// Returns an event as a line of text.
    func summary(_ event: MotionEvent) -> String {
        func seconds(_ time: Int64) -> String { JSONText.number(Double(time) / 1e6, digits: 1) }
        return "\(sequence)  \(seconds(event.startMicroseconds)) to \(seconds(event.lastMicroseconds)) s, "
            + "clearest at \(seconds(event.peakMicroseconds)) s (frame \(event.peakFrame), score "
            + "\(JSONText.number(event.peakScore, digits: 0)))\n"
    }
}
