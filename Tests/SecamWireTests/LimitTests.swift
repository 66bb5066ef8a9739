import SecamWire
import Testing

@Suite struct LimitTests {
    @Test func `a text that is too long for its field is cut at a character`() throws {
        let mechanic = "👩🏽‍🔧"
        let texts = [
            String(repeating: "é", count: 600), String(repeating: "x", count: 1023) + "é",
            String(repeating: mechanic, count: 100),
        ]
        for text in texts {
            let bytes = Bye(reason: .done, detail: text).encoded()
            let bye = try Bye.decode(bytes.span, Envelope.readWhole(bytes.span, limit: WireLimits.beforeLogin))
            #expect(bye.detail.utf8.count <= WireLimits.text)
            #expect(text.hasPrefix(bye.detail))
            #expect(bye.detail.utf8.count + mechanic.utf8.count > WireLimits.text)
        }
    }

    @Test func `an error names a message as the documents do`() {
        #expect(WireError.unknownType(0x10).description == "OPEN is not allowed here")
        #expect(WireError.unknownType(0x48).description == "message type 0x0048 is unknown")
        #expect(MessageType.closeFlow.description == "CLOSE")
    }

    @Test func `every viewer message fits its limit before and after login`() {
        let text = String(repeating: "x", count: 2000)
        #expect(
            Login(username: text, password: String(text.prefix(WireLimits.password))).encoded().count
                <= WireLimits.beforeLogin)
        #expect(Hello(software: text).encoded().count <= WireLimits.beforeLogin)
        #expect(Bye(reason: .done, detail: text).encoded().count <= WireLimits.beforeLogin)
        #expect(Watch(camera: 1, rendition: .jpeg, credit: 1).encoded().count <= WireLimits.viewerMessage)
    }

    @Test func `the longest lists of the longest entries fit into one message`() throws {
        let name = try Name(String(repeating: "n", count: WireLimits.name))
        let text = String(repeating: "x", count: WireLimits.text)
        let report = CameraReport(
            state: .online, format: .jpeg, width: 1, height: 1, frameRate: 1, since: 0, source: text, detail: text)
        let member = Status.Member(
            role: .capture, process: 1, joined: 0, silence: 0, name: name,
            endpoint: String(repeating: "e", count: WireLimits.endpoint), software: name.text, camera: report,
            figures: Array(repeating: Figure(.viewers, 1), count: WireLimits.figures))
        let one = Status(time: 0, members: [member]).encoded().count
        let cause = Status.MemberCause(role: .archive, name: name, Cause(.diskLow, text))
        let causes = Status(time: 0, members: [], causes: Array(repeating: cause, count: WireLimits.causes + 1))
        #expect(causes.causes.count == WireLimits.causes)
        #expect(one * WireLimits.members + causes.encoded().count <= WireLimits.meshMessage)
        let roster = Roster.Member(
            role: .capture, incarnation: 1, key: Array(repeating: 0, count: 32), name: name, endpoint: member.endpoint)
        let bytes = Roster(
            generation: 1, settling: false, members: Array(repeating: roster, count: WireLimits.members)
        ).encoded()
        let decoded = try Roster.decode(bytes.span, Envelope.readWhole(bytes.span, limit: WireLimits.meshMessage))
        #expect(decoded.members.count == WireLimits.members)
    }

    @Test func `a picture's size follows from its format, rounded up for odd sides`() {
        #expect(PixelFormat.jpeg.byteCount(width: 3, height: 3) == nil)
        #expect(PixelFormat.gray8.byteCount(width: 3, height: 3) == 9)
        #expect(PixelFormat.yuyv.byteCount(width: 3, height: 3) == 24)
        #expect(PixelFormat.nv12.byteCount(width: 3, height: 3) == 17)
        #expect(PixelFormat.i420.byteCount(width: 3, height: 3) == 17)
        #expect(PixelFormat.rgb24.byteCount(width: 3, height: 3) == 27)
    }

    @Test func `a message decoded as another one is rejected`() throws {
        let bytes = Ping(token: 1).encoded()
        let envelope = try Envelope.readWhole(bytes.span, limit: WireLimits.beforeLogin)
        #expect(throws: WireError.unknownType(MessageType.ping.rawValue)) { try Pong.decode(bytes.span, envelope) }
        #expect(throws: WireError.unknownType(MessageType.ping.rawValue)) {
            let (_, _): (Frame, Range<Int>) = try Frame.decode(bytes.span, envelope)
        }
    }

    @Test func `an incomplete envelope reports how many bytes are missing`() throws {
        let bytes = Ping(token: 1).encoded()
        for count in 0..<Envelope.size {
            let part = Array(bytes.prefix(count))
            #expect(try Envelope.read(part.span, limit: 4096) == .needMore(Envelope.size - count))
        }
    }
}
