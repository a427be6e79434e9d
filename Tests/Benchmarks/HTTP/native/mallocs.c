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
enum { framesMax = 30, recordsMax = 65536 };

// An allocation with its stack, or, without frames, the end of one.
struct Record {
    uint64_t pointer, bytes, count;
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

static struct Record *next(void) {
    uint64_t place = atomic_fetch_add_explicit(&page->written, 1, memory_order_relaxed);
    return place < recordsMax ? &page->records[place] : 0;
}

static void record(const void *pointer, uint64_t bytes, uint64_t interval) {
    uint64_t number = atomic_fetch_add_explicit(&page->seen, 1, memory_order_relaxed);
    struct Record *record = number % interval == 0 ? next() : 0;
    if (!record) return;
    void *frames[framesMax];
    int count = backtrace(frames, framesMax);
    record->pointer = (uint64_t)(uintptr_t)pointer;
    record->bytes = bytes;
    for (int i = 0; i < count; i++) record->frames[i] = (uint64_t)(uintptr_t)frames[i];
    record->count = (uint64_t)count;
}

static void *counted(size_t counter, size_t bytes, void *result) {
    if (!page || inside) return result;
    _Atomic uint64_t *field = (_Atomic uint64_t *)(void *)((char *)page + counter);
    atomic_fetch_add_explicit(field, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&page->bytes, bytes, memory_order_relaxed);
    uint64_t interval = atomic_load_explicit(&page->interval, memory_order_relaxed);
    if (interval != 0) {
        inside = 1;
        record(result, bytes, interval);
        inside = 0;
    }
    return result;
}

static void released(const void *memory) {
    if (!memory || !page || inside) return;
    atomic_fetch_add_explicit(&page->frees, 1, memory_order_relaxed);
    // Ends are only of use when every beginning is there.
    if (atomic_load_explicit(&page->interval, memory_order_relaxed) != 1) return;
    struct Record *record = next();
    if (record) record->pointer = (uint64_t)(uintptr_t)memory;
}

void *malloc(size_t size) {
    return counted(offsetof(struct Page, malloc), size, __libc_malloc(size));
}

void *calloc(size_t count, size_t size) {
    return counted(offsetof(struct Page, calloc), count * size, __libc_calloc(count, size));
}

void *realloc(void *old, size_t size) {
    released(old);
    return counted(offsetof(struct Page, realloc), size, __libc_realloc(old, size));
}

void *memalign(size_t alignment, size_t size) {
    return counted(offsetof(struct Page, aligned), size, __libc_memalign(alignment, size));
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    void *memory = memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}

void free(void *memory) {
    released(memory);
    __libc_free(memory);
}
