import Dispatch
import SecamBase
import SecamWire
import Synchronization

/// A live session. It handles the gateway's events, counts frames, and hands each frame to the recorder and the decoder
/// without waiting for them.
final class LiveSession: Sendable {
    struct Options: Sendable {
        /// The cameras to watch; empty for all.
        var cameras: [Name] = []
        /// Number of frames of each camera after which the session ends.
        var frameLimit: UInt64?
        var record: String?
        var force = false
        /// Without a window, the session ends when it has nothing left to do.
        var isHeadless = true
    }

    enum Outcome: Sendable, Equatable {
        case done
        case failed(ClientError)
    }

    fileprivate struct State: Sendable {
        var cameras: [CameraTileState] = []
        var connection = ConnectionState.connecting
        var hasList = false
        var outcome: Outcome?
        var recorders: [Name: Recorder] = [:]
        /// Cameras whose recordings failed.
        var failedRecordings: Set<Name> = []
        /// The first failure of a recording.
        var recordingFailure: ClientError?
        var hasReportedSlowDisk = false
        /// Cameras whose frames with impossible times have been reported.
        var wrongClocks: Set<Name> = []
    }

    private let server: ServerAddress
    private let options: Options
    private let state: Mutex<State>
    private let ended = DispatchSemaphore(value: 0)
    private let decoder = Mutex<LiveDecoder?>(nil)
    private let changed: @Sendable () -> Void
    private let showMessage: @Sendable (String) -> Void

    /// - Parameters:
    ///   - changed: called on any thread when the window must be redrawn.
    ///   - showMessage: shows a message to the user.
    init(
        server: ServerAddress, options: Options, changed: @escaping @Sendable () -> Void = {},
        showMessage: @escaping @Sendable (String) -> Void
    ) {
        self.server = server
        self.options = options
        self.changed = changed
        self.showMessage = showMessage
        state = Mutex(State(cameras: options.cameras.map { CameraTileState(name: $0) }))
    }

    // MARK: - Control

    /// Decodes frames from now on.
    func startDecoding(threads: Int) {
        let decoder = LiveDecoder(threads: threads) { [weak self] outcome in self?.handle(outcome) }
        self.decoder.withLock { $0 = decoder }
    }

    /// Creates the files of the named cameras, so that an existing file is an error before anything is received.
    func prepareRecording() throws(ClientError) {
        for name in options.cameras { _ = try recorder(for: name) }
    }

    var outcome: Outcome? { state.withLock { $0.outcome } }

    var connection: ConnectionState { state.withLock { $0.connection } }

    /// All cameras, in the order of the window.
    var cameras: [CameraTileState] { state.withLock { $0.cameras } }

    /// Waits for the end of the session.
    func wait() -> Outcome {
        ended.wait()
        return outcome ?? .done
    }

    /// Ends the session. Only the first call has an effect.
    func end(_ outcome: Outcome) {
        let isFirst = state.withLock { state in
            guard state.outcome == nil else { return false }
            state.outcome = outcome
            return true
        }
        guard isFirst else { return }
        ended.signal()
        changed()
    }

    /// Sets the size of a camera on the screen, in pixels; 0 by 0 while it is not shown.
    func setDisplaySize(of camera: Name, width: Int, height: Int) {
        decoder.withLock { $0 }?.setDisplaySize(of: camera, width: width, height: height)
    }

    /// Stops the decoder. After this call and the last event, nothing calls `changed` any more.
    func stopDecoding() {
        decoder.withLock { $0.take() }?.stop()
    }

    /// Completes the recordings. The caller calls it after the last event.
    ///
    /// - Throws: the first failure of a recording.
    func finish() throws(ClientError) {
        let (recorders, failure) = state.withLock { state in
            defer { state.recorders = [:] }
            return (state.recorders, state.recordingFailure)
        }
        var first = failure
        for recorder in recorders.values {
            do {
                try recorder.finish()
            } catch {
                first = first ?? error
            }
        }
        if let first { throw first }
    }

    func statistics() -> [(name: Name, statistics: CameraStatistics)] {
        cameras.map { ($0.name, $0.statistics) }
    }

    // MARK: - Events

    /// Handles the gateway client's events, one after the other.
    func handle(_ event: GatewayEvent) {
        guard outcome == nil else { return }
        switch event {
        case .state(let connection): connectionChanged(connection)
        case .cameras(let cameras): camerasChanged(cameras)
        case .frame(let frame): handle(frame)
        case .event(let event, let camera): updateMotion(event, of: camera)
        case .eventsComplete, .found, .replayed, .replayEnded: break
        case .refused(let code, let detail):
            showMessage("the gateway refused a request (\(code)): \(TerminalText.masked(detail))")
        }
    }

    private func connectionChanged(_ connection: ConnectionState) {
        let previous = state.withLock { state in
            defer { state.connection = connection }
            if case .reconnecting = connection {
                for index in state.cameras.indices where state.cameras[index].lost == nil {
                    state.cameras[index].lost = WallClock.now
                }
            }
            return state.connection
        }
        switch (previous, connection) {
        case (_, .failed(let error)): end(.failed(error))
        case (.connected, .reconnecting(let why)): showMessage("gateway \(server): \(why); reconnecting")
        case (.reconnecting, .connected): showMessage("gateway \(server): connected again")
        default: break
        }
        changed()
    }

    private func camerasChanged(_ list: [Cameras.Camera]) {
        let isFirst = state.withLock { state in
            defer { state.hasList = true }
            return !state.hasList
        }
        if isFirst, let error = problem(in: list) { return end(.failed(error)) }
        for tile in cameras {
            message(about: tile, now: list.first { $0.name == tile.name }, isFirst: isFirst).map(showMessage)
        }
        state.withLock { state in
            for index in state.cameras.indices {
                let info = list.first { $0.name == state.cameras[index].name }
                if info == nil, state.cameras[index].info != nil { state.cameras[index].lost = WallClock.now }
                if info != nil { state.cameras[index].lost = nil }
                state.cameras[index].info = info
            }
            guard options.cameras.isEmpty else { return }
            for camera in list where !state.cameras.contains(where: { $0.name == camera.name }) {
                var tile = CameraTileState(name: camera.name)
                tile.info = camera
                state.cameras.append(tile)
            }
            state.cameras.sort { $0.name < $1.name }
        }
        changed()
    }

    /// Returns the message to show when a camera's state has changed; `nil` when there is none.
    private func message(about tile: CameraTileState, now: Cameras.Camera?, isFirst: Bool) -> String? {
        let (before, state) = (tile.info?.state, now?.state)
        guard before != state else { return nil }
        let name = "camera '\(tile.name)'"
        switch (before, state) {
        case (_, .offline?): return "\(name) is offline: \(TerminalText.masked(now?.detail ?? ""))"
        case (_, .waiting?): return "\(name): \(TerminalText.masked(now?.detail ?? ""))"
        case (_?, nil): return "\(name) is no longer listed: it was removed, or you may not see it any more"
        case (.offline, .online?), (.waiting, .online?): return "\(name) is back"
        case (nil, .online?) where !isFirst: return "\(name) is back"
        default: return nil
        }
    }

    /// Returns why the session cannot go on with the first list. Cameras that are missing later may come back.
    private func problem(in list: [Cameras.Camera]) -> ClientError? {
        do {
            try CameraNames.check(options.cameras, in: list, server: server)
        } catch {
            return error
        }
        return options.isHeadless && options.cameras.isEmpty && list.isEmpty ? .noCameras(server: server) : nil
    }

    private func handle(_ frame: ReceivedFrame) {
        let isWanted = state.withLock { state in
            guard let index = state.cameras.firstIndex(where: { $0.name == frame.camera }),
                state.cameras[index].statistics.frames < options.frameLimit ?? .max
            else { return false }
            // The gateway forwards pictures as they are (V-8).
            guard !frame.payload.isEmpty else {
                state.cameras[index].statistics.damaged += 1
                return false
            }
            state.cameras[index].statistics.record(frame)
            state.cameras[index].rate.record(frame.received)
            state.cameras[index].latency = .microseconds(frame.latency)
            state.cameras[index].lastFrame = .now
            return true
        }
        guard isWanted else { return }
        record(frame)
        decoder.withLock { $0 }?.offer(frame)
        endIfComplete()
    }

    private func updateMotion(_ event: CameraEvent, of name: Name) {
        state.withLock { state in
            guard let index = state.cameras.firstIndex(where: { $0.name == name }) else { return }
            state.cameras[index].motion.record(event, now: .now)
        }
        changed()
    }

    private func endIfComplete() {
        guard let limit = options.frameLimit else { return }
        if state.withLock({ $0.cameras.allSatisfy { $0.statistics.frames >= limit } }) { end(.done) }
    }

    private func handle(_ outcome: LiveDecoder.Outcome) {
        state.withLock { state in
            switch outcome {
            case .picture(let picture):
                if let index = state.cameras.firstIndex(where: { $0.name == picture.frame.camera }) {
                    state.cameras[index].picture = picture
                }
            case .damaged(let name, _):
                if let index = state.cameras.firstIndex(where: { $0.name == name }) {
                    state.cameras[index].statistics.damaged += 1
                }
            }
        }
        changed()
    }

    // MARK: - Recording

    private func record(_ frame: ReceivedFrame) {
        guard options.record != nil else { return }
        guard RecordingFile.canHold(frame.header) else { return reportWrongClock(frame) }
        do {
            guard let recorder = try recorder(for: frame.camera), !recorder.offer(frame) else { return }
            reportSlowDisk(frame.camera)
        } catch {
            recordingFailed(error, of: frame.camera)
        }
    }

    /// Returns the camera's recorder, a new one if needed; `nil` when the camera is not recorded or its recording failed.
    private func recorder(for name: Name) throws(ClientError) -> Recorder? {
        guard let file = options.record else { return nil }
        let (existing, hasFailed) = state.withLock { ($0.recorders[name], $0.failedRecordings.contains(name)) }
        if existing != nil || hasFailed { return existing }
        let path = Recorder.path(file, camera: name, isOnly: options.cameras.count == 1)
        let recorder = try Recorder(path: path, camera: name, replacing: options.force) { [weak self] error in
            self?.recordingFailed(error, of: name)
        }
        state.withLock { $0.recorders[name] = recorder }
        return recorder
    }

    private func reportSlowDisk(_ camera: Name) {
        let isFirst = state.withLock { state in
            state.countUnrecorded(camera)
            defer { state.hasReportedSlowDisk = true }
            return !state.hasReportedSlowDisk
        }
        if isFirst { showMessage("the disk is too slow: the recording lacks frames from now on") }
    }

    private func reportWrongClock(_ frame: ReceivedFrame) {
        let isFirst = state.withLock { state in
            state.countUnrecorded(frame.camera)
            return state.wrongClocks.insert(frame.camera).inserted
        }
        guard isFirst else { return }
        showMessage(
            "camera '\(frame.camera)': no file can hold the time \(frame.header.timestamp) µs since 1970, so the recording "
                + "lacks such frames; set the camera's clock")
    }

    /// Ends a headless session when no recording is left; otherwise the other recordings and the live view go on.
    private func recordingFailed(_ error: ClientError, of camera: Name) {
        let (isFirst, isLast) = state.withLock { state in
            state.recordingFailure = state.recordingFailure ?? error
            let isFirst = state.failedRecordings.insert(camera).inserted
            return (isFirst, state.cameras.allSatisfy { state.failedRecordings.contains($0.name) })
        }
        guard isFirst else { return }
        showMessage("\(error); the recording of camera '\(camera)' has ended")
        if isLast, options.isHeadless { end(.failed(error)) }
    }
}

extension LiveSession.State {
    fileprivate mutating func countUnrecorded(_ camera: Name) {
        guard let index = cameras.firstIndex(where: { $0.name == camera }) else { return }
        cameras[index].statistics.unrecorded += 1
    }
}
