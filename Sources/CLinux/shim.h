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
