#pragma once

#include <link.h>
#include <stddef.h>

// <link.h> shows these only to GNU sources, which what Swift imports is not.

struct secam_linker_image {
    ElfW(Addr) address;
    const char *name;
    const ElfW(Phdr) *segments;
    ElfW(Half) segment_count;
    // More follows.
};

extern int secam_dl_iterate_phdr(
    int (*visit)(struct secam_linker_image *, size_t, void *), void *data) __asm__("dl_iterate_phdr");

#include <stdbool.h>
#include <sys/timex.h>

/// Whether the kernel reports that a time service keeps the wall clock right.
static inline bool secam_wall_clock_is_synchronized(void) {
    struct timex state = {0};
    int status = adjtimex(&state);
    return status >= 0 && status != TIME_ERROR && !(state.status & STA_UNSYNC);
}

#include <sys/prctl.h>

/// Keeps other processes of the same user from reading this one's memory and environment. (prctl is variadic.)
static inline bool secam_make_undumpable(void) {
    return prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) == 0;
}

/// Both ends are closed in other programs that this one starts, also by a thread that forks at the same time.
extern int secam_pipe2(int ends[2], int flags) __asm__("pipe2");

#include <sys/ptrace.h>

/// Stops one thread of another process for as long as the calling thread lives. (ptrace is variadic.)
static inline bool secam_stop_thread(int thread) {
    return ptrace(PTRACE_SEIZE, thread, 0L, 0L) == 0 && ptrace(PTRACE_INTERRUPT, thread, 0L, 0L) == 0;
}
