import SecamWire
import Testing

@Suite struct SecretURLTests {
    @Test(arguments: [
        ("rtsp://admin:word@host:554/x", "rtsp://…@host:554/x"), ("http://host/x", "http://host/x"),
        ("rtsp://admin:wo/rd@host/x", "rtsp://…"), ("rtsp://admin:wo?rd@host/x", "rtsp://…"),
        ("rtsp://admin:p@ss#word@host/x", "rtsp://…"), ("rtsp://admin:w#o?r/d@host", "rtsp://…"),
        ("http://host/video.cgi?user=admin&pwd=word", "http://host/video.cgi?…"),
        ("http://host/video.cgi?user=a@b&pwd=w@rd", "http://…"), ("http://u:p@host/x#word", "http://…@host/x?…"),
        ("http://a@b@host/", "http://…@host/"), ("/a/b@c?d", "/a/b@c?d"),
    ])
    func `an address is printed without its password in every way`(text: String, shown: String) {
        let url = SecretURL(text)
        #expect("\(url)" == shown && String(reflecting: url) == shown && url.revealed == text)
        var dumped = ""
        dump([url], to: &dumped)
        #expect(!dumped.contains("word") && !dumped.contains("rd@") && !dumped.contains("ss#"))
    }

    @Test func `a login is added percent-encoded`() {
        let url = SecretURL("rtsp://host:554/x").adding(user: "admin", password: "a@b#c?d/e:%ö")
        #expect(url.revealed == "rtsp://admin:a%40b%23c%3Fd%2Fe%3A%25%C3%B6@host:554/x")
        #expect(url.hasUser && !SecretURL("rtsp://host/a@b").hasUser)
    }
}
