// Counts the allocations of a process: cc -O2 -fPIC -shared -o libmallocs.so mallocs.c, then
// LD_PRELOAD=libmallocs.so MALLOCS_FILE=path program.
//
// The counters live in the file, which the reader maps as well: it looks at them at any time,
// without a signal or a word to the process. When `interval` is not 0, every so many allocations
// the stack that asked is written to a ring behind the counters.
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// The layout is also that of harness/mallocs.py.
enum { framesMax = 30, recordsMax = 16384 };

struct Record {
    uint64_t bytes;
    uint64_t count;
    uint64_t frames[framesMax];
};

struct Page {
    _Atomic uint64_t malloc, calloc, realloc, aligned, bytes, frees;
    _Atomic uint64_t interval, seen, written;
    struct Record records[recordsMax];
};

// What the C library's own functions are called underneath; so no symbol has to be looked up, which
// would allocate.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

static struct Page *page;
// The thread is writing a record: what the unwinder allocates is not counted.
static __thread int inside __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("MALLOCS_FILE");
    if (!path) return;
    int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    if (ftruncate(file, sizeof(struct Page)) == 0) {
        void *shared = mmap(0, sizeof(struct Page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (shared != MAP_FAILED) {
            // The first backtrace loads the unwinder; that happens here and not in a measurement.
            void *frame;
            backtrace(&frame, 1);
            page = shared;
        }
    }
    close(file);
}

static void record(uint64_t bytes) {
    uint64_t interval = atomic_load_explicit(&page->interval, memory_order_relaxed);
    if (interval == 0) return;
    uint64_t number = atomic_fetch_add_explicit(&page->seen, 1, memory_order_relaxed);
    if (number % interval != 0) return;
    uint64_t place = atomic_fetch_add_explicit(&page->written, 1, memory_order_relaxed);
    if (place >= recordsMax) return;
    struct Record *record = &page->records[place];
    void *frames[framesMax];
    int count = backtrace(frames, framesMax);
    record->bytes = bytes;
    for (int i = 0; i < count; i++) record->frames[i] = (uint64_t)(uintptr_t)frames[i];
    record->count = (uint64_t)count;
}

static void note(size_t counter, size_t bytes) {
    if (!page || inside) return;
    _Atomic uint64_t *field = (_Atomic uint64_t *)(void *)((char *)page + counter);
    atomic_fetch_add_explicit(field, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&page->bytes, bytes, memory_order_relaxed);
    inside = 1;
    record(bytes);
    inside = 0;
}

void *malloc(size_t size) {
    note(offsetof(struct Page, malloc), size);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    note(offsetof(struct Page, calloc), count * size);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    note(offsetof(struct Page, realloc), size);
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    note(offsetof(struct Page, aligned), size);
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    note(offsetof(struct Page, aligned), size);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    note(offsetof(struct Page, aligned), size);
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    if (memory && page && !inside) {
        atomic_fetch_add_explicit(&page->frees, 1, memory_order_relaxed);
    }
    __libc_free(memory);
}
