package import SecamMesh

/// Two mesh sockets of one loop, of which one connects to the other. Each key is admitted.
package struct MeshSocketPair {
    package let admission: ZAPHandler
    package let listening: MeshSocket
    package let connecting: MeshSocket
    /// The key of the listening socket.
    package let key: PublicKey

    package init() throws {
        let (own, other) = (try KeyPair(), try KeyPair())
        let context = try MeshContext()
        key = own.publicKey
        admission = try ZAPHandler(context, isAdmitted: { _ in true }, onRefusal: { _, _ in })
        listening = try MeshSocket.listen(admission: admission, endpoint: "tcp://127.0.0.1:*", keys: own)
        connecting = try MeshSocket.connect(
            context, endpoint: listening.endpoint, serverKey: own.publicKey, keys: other)
    }
}
