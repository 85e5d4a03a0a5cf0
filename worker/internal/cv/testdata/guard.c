// An allocator for tests, to be loaded by LD_PRELOAD. A block of LEAST bytes or more ends at a page that nobody may touch, and
// its addresses are never used again: whoever reads or writes past the end of it, or after it was freed, ends there and then, by
// SIGSEGV. Smaller blocks, of which there are more than a process may have mappings, are left to glibc.
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { LEAST = 256, PAGE = 4096 };
static const size_t SPACE = 1UL << 45; // of addresses, not of memory

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);
extern void __libc_free(void *);

typedef struct {
    char *at; // first page
    size_t pages, size;
} block; // lies before what the caller has

static char *space;
static size_t used;

__attribute__((constructor)) static void reserve(void)
{
    char *p = mmap(NULL, SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return;
    space = p;
    fputs("guarded\n", stderr); // the test wants to see it: ld.so runs the program without a library that it cannot load
}

static int guarded(const void *p) { return space && (size_t)((const char *)p - space) < SPACE; }

static block *of(void *p) { return (block *)((uintptr_t)p & ~(sizeof(void *) - 1)) - 1; }

void *memalign(size_t align, size_t size)
{
    if (!space || size < LEAST || align > PAGE || size > SPACE / 4)
        return __libc_memalign(align, size);
    size_t pages = (sizeof(block) + align + size + PAGE - 1) / PAGE;
    size_t at = __sync_fetch_and_add(&used, (pages + 1) * PAGE);
    if (at > SPACE / 2 || mprotect(space + at, pages * PAGE, PROT_READ | PROT_WRITE)) {
        errno = ENOMEM;
        return NULL;
    }
    char *p = (char *)((uintptr_t)(space + at + pages * PAGE - size) & ~(align - 1));
    *of(p) = (block){space + at, pages, size};
    return p;
}

void free(void *p)
{
    if (!guarded(p)) {
        __libc_free(p);
        return;
    }
    block b = *of(p);
    mmap(b.at, b.pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

void *malloc(size_t size) { return space && size >= LEAST ? memalign(16, size) : __libc_malloc(size); }

void *calloc(size_t n, size_t each) // pages are zero
{
    size_t size;
    return !space || __builtin_mul_overflow(n, each, &size) || size < LEAST ? __libc_calloc(n, each) : malloc(size);
}

void *realloc(void *old, size_t size)
{
    if (!old)
        return malloc(size);
    if (!guarded(old) && size < LEAST)
        return __libc_realloc(old, size);
    size_t had = guarded(old) ? of(old)->size : malloc_usable_size(old);
    void *p = malloc(size);
    if (p) {
        memcpy(p, old, had < size ? had : size);
        free(old);
    }
    return p;
}

void *aligned_alloc(size_t align, size_t size) { return memalign(align, size); }

int posix_memalign(void **p, size_t align, size_t size)
{
    void *made = memalign(align, size);
    if (!made)
        return ENOMEM;
    *p = made;
    return 0;
}
