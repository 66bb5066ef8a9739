#pragma once

#include <link.h>
#include <stddef.h>

// <link.h> declares these only for GNU sources, and Swift does not import headers as such.

struct secam_linker_image {
    ElfW(Addr) address;
    const char *name;
    const ElfW(Phdr) *segments;
    ElfW(Half) segment_count;
    // Further members are not needed.
};

extern int secam_dl_iterate_phdr(
    int (*visit)(struct secam_linker_image *, size_t, void *), void *data) __asm__("dl_iterate_phdr");

#include <stdbool.h>
#include <sys/timex.h>

/// Returns whether the kernel reports a synchronized wall clock.
static inline bool secam_wall_clock_is_synchronized(void) {
    struct timex state = {0};
    int status = adjtimex(&state);
    return status >= 0 && status != TIME_ERROR && !(state.status & STA_UNSYNC);
}

#include <sys/prctl.h>

/// Prevents other processes of the same user from reading this process's memory and environment. (prctl is variadic.)
static inline bool secam_make_undumpable(void) {
    return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0;
}

/// pipe2, which glibc declares only for GNU sources. With O_CLOEXEC, child programs never inherit the pipe's ends, even
/// if another thread forks at the same time.
extern int secam_pipe2(int ends[2], int flags) __asm__("pipe2");

#include <sys/ptrace.h>

/// Stops a thread of another process for the lifetime of the calling thread. (ptrace is variadic.)
static inline bool secam_stop_thread(int thread) {
    return ptrace(PTRACE_SEIZE, thread, 0L, 0L) == 0 && ptrace(PTRACE_INTERRUPT, thread, 0L, 0L) == 0;
}

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/vfs.h>
#include <unistd.h>

// Memory files (memfd_create(2)), whose functions and constants glibc declares only for GNU sources.

extern int secam_memfd_create(const char *name, unsigned flags) __asm__("memfd_create");

/// Returns a new memory file that can be sealed, not executed, and is closed in child programs; -1 with errno set.
static inline int secam_create_memory_file(const char *name) {
    const unsigned close_on_exec = 1, allow_sealing = 2, not_executable = 8;
    int file = secam_memfd_create(name, close_on_exec | allow_sealing | not_executable);
    // Linux before 6.3 knows only the first two flags.
    return file < 0 && errno == EINVAL ? secam_memfd_create(name, close_on_exec | allow_sealing) : file;
}

/// F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW and F_SEAL_FUTURE_WRITE: size and seals are final, and nobody can map the
/// file for writing any more.
static const int secam_final_seals = 0x1 | 0x2 | 0x4 | 0x10;

/// Adds seals to a memory file (F_ADD_SEALS).
static inline int secam_add_seals(int file, int seals) { return fcntl(file, 1033, seals); }

/// Returns a memory file's seals (F_GET_SEALS); -1 with errno set for another kind of file.
static inline int secam_get_seals(int file) { return fcntl(file, 1034); }

/// Releases the pages of a part of a file, whose size stays (fallocate(2)).
extern int secam_fallocate(int file, int mode, off_t offset, off_t length) __asm__("fallocate");
static inline int secam_punch_hole(int file, off_t offset, off_t length) {
    return secam_fallocate(file, 0x1 | 0x2, offset, length);
}

/// Returns whether a file that is open for reading is open nowhere else, apart from a memory file's first descriptor.
///
/// The kernel grants a lease for writing (F_SETLEASE) only then. It ends with the descriptor. SIGURG, which is ignored,
/// would report that another process opens the file meanwhile; the default signal ends a process.
static inline bool secam_is_only_reader(int file) {
    fcntl(file, 10, SIGURG);
    return fcntl(file, 1024, F_WRLCK) == 0;
}

/// Returns whether a file is in a tmpfs, as memory files are that do not use huge pages.
static inline bool secam_is_in_tmpfs(int file) {
    struct statfs status;
    return fstatfs(file, &status) == 0 && status.f_type == 0x01021994;
}

/// Opens a folder, but no symbolic link, as a place for paths alone (O_PATH).
static inline int secam_open_folder(const char *path) {
    return open(path, 010000000 | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/// accept4, which glibc declares only for GNU sources.
extern int secam_accept4(int socket, struct sockaddr *address, socklen_t *length, int flags) __asm__("accept4");

/// Returns the user of a Unix socket's peer at the time of its connect or listen; -1 with errno set.
static inline int64_t secam_peer_user(int socket) {
    struct { pid_t process; uid_t user; gid_t group; } peer = {0, 0, 0};
    socklen_t length = sizeof peer;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return -1;
    return length == sizeof peer ? (int64_t)peer.user : -1;
}

/// Sends one byte with a descriptor over a Unix socket, without waiting.
static inline ssize_t secam_send_descriptor(int socket, int descriptor) {
    char byte = 1;
    struct iovec part = {&byte, 1};
    union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {0};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// Receives one byte with exactly one descriptor from a Unix socket.
///
/// Returns the descriptor; -1 with errno set: EPIPE at the end of the stream, EBADMSG without exactly one descriptor.
static inline int secam_receive_descriptor(int socket) {
    char byte = 0;
    struct iovec part = {&byte, 1};
    union { struct cmsghdr header; char bytes[CMSG_SPACE(sizeof(int))]; } control;
    memset(&control, 0, sizeof control);
    struct msghdr message = {0};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    // Not CMSG_SPACE, whose padding has room for a second descriptor. The kernel closes all that find no room.
    message.msg_controllen = CMSG_LEN(sizeof(int));
    ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (count < 0) return -1;
    int descriptor = -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS
        && header->cmsg_len == CMSG_LEN(sizeof descriptor))
        memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
    if (count == 1 && descriptor >= 0 && !(message.msg_flags & MSG_CTRUNC)) return descriptor;
    if (descriptor >= 0) close(descriptor);
    errno = count == 0 ? EPIPE : EBADMSG;
    return -1;
}

// The generation of a slot, which protects its picture as a sequence lock does: written before the picture, and read
// before and after it. The slot is in memory that another process writes.

static inline void secam_begin_picture(void *slot, uint64_t generation) {
    __atomic_store_n((uint64_t *)slot, generation, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline uint64_t secam_generation_before(const void *slot) {
    return __atomic_load_n((const uint64_t *)slot, __ATOMIC_ACQUIRE);
}

static inline uint64_t secam_generation_after(const void *slot) {
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n((const uint64_t *)slot, __ATOMIC_RELAXED);
}
