import COpenSSL
package import NIOCore

extension ByteBuffer {
    /// Overwrites the readable bytes in place, in all buffers that share them, after they held a password. None of
    /// these buffers may be read any more.
    package func eraseReadableBytes() {
        // In place on purpose: writing to a shared buffer would copy it and leave the bytes in memory.
        unsafe withUnsafeReadableBytes { bytes in
            unsafe OPENSSL_cleanse(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }
}
