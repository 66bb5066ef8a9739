import COpenSSL
package import NIOCore

extension ByteBuffer {
    /// Overwrites the readable bytes where they lie, for all buffers that share them, after a password was in them. None
    /// of those may be read any more.
    package func eraseReadableBytes() {
        // In place on purpose: to write to a buffer that others share would make a copy and leave the bytes where they
        // are.
        unsafe withUnsafeReadableBytes { bytes in
            unsafe OPENSSL_cleanse(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
        }
    }
}
