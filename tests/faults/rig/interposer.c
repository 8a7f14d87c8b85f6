/* Faults in the system calls of a process, as a small file that is shared with the test says. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum call { NONE, OPEN, READ, WRITE, FSYNC, RENAME, UNLINK };

#define KILL (-1)

/* interposer.py has the same. */
static struct control {
    int32_t call;          /* which one fails */
    int32_t skipped;       /* how many of them go through before */
    int32_t times;         /* how many fail then; -1 for all */
    int32_t action;        /* the error number, 0 for none, or KILL */
    int32_t milliseconds;  /* how long each takes first */
    int32_t fired;         /* how many have failed */
    int64_t clock_seconds; /* what the clock is moved by */
    char folder[480];      /* only paths that begin so */
} *control;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULT_CONTROL");
    int descriptor = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (descriptor == -1) return;
    void *shared = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    close(descriptor);
    if (shared != MAP_FAILED) control = shared;
}

/* What says how the journal is, or is written to try it, is not on a record's way. */
static int is_meant(const char *path) {
    return strncmp(path, control->folder, strlen(control->folder)) == 0
        && !strstr(path, "/probe-") && !strstr(path, "/.probe-") && !strstr(path, "status.json")
        && !strstr(path, ".lock");
}

static int strikes_path(enum call call, const char *path) {
    if (!control || control->call != (int32_t)call || !path || !is_meant(path)) return 0;
    if (__atomic_fetch_sub(&control->skipped, 1, __ATOMIC_SEQ_CST) > 0) return 0;
    int32_t left = control->times;
    while (left > 0 && !__atomic_compare_exchange_n(&control->times, &left, left - 1, 0,
                                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    if (left == 0) return 0;
    __atomic_fetch_add(&control->fired, 1, __ATOMIC_SEQ_CST);
    struct timespec pause = {control->milliseconds / 1000, control->milliseconds % 1000 * 1000000L};
    nanosleep(&pause, NULL);
    return control->action != 0;
}

static int strikes_file(enum call call, int descriptor) {
    char link[32], path[512];
    if (!control || control->call != (int32_t)call) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strikes_path(call, path);
}

static int fail(void) {
    if (control->action == KILL) kill(getpid(), SIGKILL);
    errno = control->action;
    return -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define INTERPOSE_OPEN(name)                                            \
    int name(const char *path, int flags, ...) {                        \
        va_list rest;                                                   \
        va_start(rest, flags);                                          \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;       \
        va_end(rest);                                                   \
        return strikes_path(OPEN, path) ? fail() : REAL(name)(path, flags, mode); \
    }

INTERPOSE_OPEN(open)
INTERPOSE_OPEN(open64)

/* Half of the bytes are written before: an append may be cut off in the middle. */
ssize_t write(int descriptor, const void *data, size_t size) {
    static __typeof__(&write) real;
    if (!real) real = REAL(write);
    if (!strikes_file(WRITE, descriptor)) return real(descriptor, data, size);
    real(descriptor, data, size / 2);
    return fail();
}

#define INTERPOSE_AT(name, call, data_type)                                          \
    ssize_t name(int descriptor, data_type data, size_t size, off_t position) {      \
        return strikes_file(call, descriptor) ? fail()                               \
                                              : REAL(name)(descriptor, data, size, position); \
    }

INTERPOSE_AT(pread, READ, void *)
INTERPOSE_AT(pread64, READ, void *)
INTERPOSE_AT(pwrite, WRITE, const void *)
INTERPOSE_AT(pwrite64, WRITE, const void *)

int fsync(int descriptor) {
    return strikes_file(FSYNC, descriptor) ? fail() : REAL(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return strikes_file(FSYNC, descriptor) ? fail() : REAL(fdatasync)(descriptor);
}

int rename(const char *from, const char *to) {
    return strikes_path(RENAME, to) ? fail() : REAL(rename)(from, to);
}

int unlink(const char *path) {
    return strikes_path(UNLINK, path) ? fail() : REAL(unlink)(path);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static __typeof__(&clock_gettime) real;
    if (!real) real = REAL(clock_gettime);
    int result = real(clock, at);
    if (control && clock == CLOCK_REALTIME) at->tv_sec += control->clock_seconds;
    return result;
}

int gettimeofday(struct timeval *restrict at, void *restrict zone) {
    int result = REAL(gettimeofday)(at, zone);
    if (control) at->tv_sec += control->clock_seconds;
    return result;
}

time_t time(time_t *result) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (result) *result = at.tv_sec;
    return at.tv_sec;
}
