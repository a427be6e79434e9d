// Tells ThreadSanitizer what Swift's Mutex does when two threads want it at once.
//
// The quick way through `Synchronization.Mutex` is inlined into our code, where the sanitizer sees its
// atomics. The slow way (waiting, waking) is a call into libswiftSynchronization, which is not built
// with the sanitizer: each contended lock then looks like a race. This library is preloaded before it;
// it calls the original and says that memory was acquired or released, at the address that the quick
// way uses. Where a toolchain names these functions differently, nothing is replaced and nothing breaks.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>

// From the sanitizer's runtime, which programs built without it do not have.
__attribute__((weak)) void __tsan_acquire(void *address);
__attribute__((weak)) void __tsan_release(void *address);

#define SWIFT __attribute__((swiftcall, visibility("default")))
#define SELF __attribute__((swift_context)) void *self

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

SWIFT void lock_slow(uint32_t thread, SELF) __asm__(LOCK);
SWIFT _Bool try_lock_slow(SELF) __asm__(TRY);
SWIFT void unlock_slow(SELF) __asm__(UNLOCK);

typedef __attribute__((swiftcall)) void (*lock_function)(uint32_t, SELF);
typedef __attribute__((swiftcall)) _Bool (*try_function)(SELF);
typedef __attribute__((swiftcall)) void (*unlock_function)(SELF);

static lock_function original_lock;
static try_function original_try;
static unlock_function original_unlock;

__attribute__((constructor)) static void find_originals(void) {
    original_lock = (lock_function)dlsym(RTLD_NEXT, LOCK);
    original_try = (try_function)dlsym(RTLD_NEXT, TRY);
    original_unlock = (unlock_function)dlsym(RTLD_NEXT, UNLOCK);
}

SWIFT void lock_slow(uint32_t thread, SELF) {
    original_lock(thread, self);
    if (__tsan_acquire) __tsan_acquire(self);
}

SWIFT _Bool try_lock_slow(SELF) {
    _Bool locked = original_try(self);
    if (locked && __tsan_acquire) __tsan_acquire(self);
    return locked;
}

SWIFT void unlock_slow(SELF) {
    if (__tsan_release) __tsan_release(self);
    original_unlock(self);
}
