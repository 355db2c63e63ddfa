/* A disk that can fail and a clock that can be set, before the C library by LD_PRELOAD.

   Of the files under DISK_OF there is a second copy under DISK_KEPT that holds what a power cut
   leaves: what is written reaches it with fsync, a new name with fsync of a folder. What was not
   synced dies with the process. DISK_SAYS is a file of orders, looked at all the time:
   struct orders below. Only what SQLite and Python use to write is stood before. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct orders {
    long long full;     /* nothing more can be written */
    long long broken;   /* nothing can be synced */
    long long slow;     /* milliseconds that a sync takes */
    long long shift;    /* nanoseconds that the clock is ahead */
};

struct piece {
    struct piece *next;
    long long at;       /* where it is written; the new length, if size is -1 */
    long long size;
    char bytes[];
};

struct file {
    struct file *next;
    struct piece *first, *last;
    char name[];
};

struct name {
    struct name *next;
    char kind;          /* of (l)ink, (r)ename, (u)nlink */
    char from[PATH_MAX], to[PATH_MAX];
};

static volatile const struct orders *orders;
static char home[PATH_MAX], kept[PATH_MAX];
static struct file *files;
static struct name *names;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static const volatile struct orders *ordered(void)
{
    const char *says, *of, *copy;
    void *map;
    int fd;

    if (orders || !(says = getenv("DISK_SAYS")))
        return orders;
    of = getenv("DISK_OF");
    copy = getenv("DISK_KEPT");
    if (!of || !copy || (fd = syscall(SYS_openat, AT_FDCWD, says, O_RDONLY)) < 0)
        return NULL;
    map = mmap(NULL, sizeof *orders, PROT_READ, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (map == MAP_FAILED)
        return NULL;
    snprintf(home, sizeof home, "%s/", of);
    snprintf(kept, sizeof kept, "%s/", copy);
    return orders = map;
}

/* --- which file ---------------------------------------------------------------------------- */

static int is_ours(const char *path)
{
    size_t length = strlen(path);

    if (!ordered() || strncmp(path, home, strlen(home)))
        return 0;
    /* Shared memory of SQLite's is made anew after a power cut. */
    return length < 4 || strcmp(path + length - 4, "-shm");
}

static int path_of(int fd, char *path)
{
    char link[40];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return 1;
}

static int whole(const char *path, char *found)
{
    if (path[0] == '/')
        return snprintf(found, PATH_MAX, "%s", path) < PATH_MAX;
    if (!getcwd(found, PATH_MAX))
        return 0;
    strncat(found, "/", PATH_MAX - strlen(found) - 1);
    strncat(found, path, PATH_MAX - strlen(found) - 1);
    return 1;
}

static void copy_of(const char *path, char *found)
{
    snprintf(found, PATH_MAX, "%s%s", kept, path + strlen(home));
}

static struct file *file_of(const char *path)
{
    struct file *file;

    for (file = files; file; file = file->next)
        if (!strcmp(file->name, path))
            return file;
    file = calloc(1, sizeof *file + strlen(path) + 1);
    strcpy(file->name, path);
    file->next = files;
    return files = file;
}

static void note(const char *path, long long at, const void *bytes, long long size)
{
    struct piece *piece = malloc(sizeof *piece + (size > 0 ? size : 0));
    struct file *file;

    piece->next = NULL;
    piece->at = at;
    piece->size = size;
    if (size > 0)
        memcpy(piece->bytes, bytes, size);
    pthread_mutex_lock(&lock);
    file = file_of(path);
    if (file->last)
        file->last->next = piece;
    else
        file->first = piece;
    file->last = piece;
    pthread_mutex_unlock(&lock);
}

/* --- what a power cut leaves --------------------------------------------------------------- */

static void keep_file(const char *path)
{
    char copy[PATH_MAX];
    struct piece *piece, *next;
    struct file *file;
    int fd;

    copy_of(path, copy);
    pthread_mutex_lock(&lock);
    file = file_of(path);
    fd = syscall(SYS_openat, AT_FDCWD, copy, O_WRONLY | O_CREAT, 0600);
    for (piece = file->first; piece; piece = next) {
        next = piece->next;
        if (fd >= 0 && piece->size < 0)
            syscall(SYS_ftruncate, fd, piece->at);
        else if (fd >= 0)
            syscall(SYS_pwrite64, fd, piece->bytes, piece->size, piece->at);
        free(piece);
    }
    file->first = file->last = NULL;
    if (fd >= 0)
        syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
}

static void apply(const struct name *name)
{
    char from[PATH_MAX], to[PATH_MAX];

    copy_of(name->from, from);
    if (name->kind == 'u') {
        syscall(SYS_unlinkat, AT_FDCWD, from, 0);
        return;
    }
    copy_of(name->to, to);
    if (name->kind == 'l')
        syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
    else
        syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
}

static void keep_names(void)
{
    struct name *name, *next;

    pthread_mutex_lock(&lock);
    for (name = names; name; name = next) {
        next = name->next;
        apply(name);
        free(name);
    }
    names = NULL;
    pthread_mutex_unlock(&lock);
}

static void note_name(char kind, const char *from, const char *to)
{
    struct name *name = calloc(1, sizeof *name), **last;

    name->kind = kind;
    snprintf(name->from, sizeof name->from, "%s", from);
    snprintf(name->to, sizeof name->to, "%s", to);
    pthread_mutex_lock(&lock);
    /* SQLite syncs before it removes a log; the removal itself may be there at once. */
    if (kind == 'u' && !names) {
        apply(name);
        free(name);
    } else {
        for (last = &names; *last; last = &(*last)->next)
            ;
        *last = name;
    }
    if (kind == 'u') {
        struct file *file = file_of(from);
        while (file->first) {
            struct piece *piece = file->first;
            file->first = piece->next;
            free(piece);
        }
        file->last = NULL;
    }
    pthread_mutex_unlock(&lock);
}

/* --- instead of the C library -------------------------------------------------------------- */

static int refused(const char *path, int error)
{
    if (!is_ours(path))
        return 0;
    errno = error;
    return 1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    char path[PATH_MAX];
    int ours = ordered() && path_of(fd, path) && is_ours(path);
    ssize_t written;

    if (orders && orders->full && path_of(fd, path) && !strncmp(path, home, strlen(home))) {
        errno = ENOSPC;
        return -1;
    }
    written = syscall(SYS_pwrite64, fd, bytes, size, at);
    if (ours && written > 0)
        note(path, at, bytes, written);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    char path[PATH_MAX];
    int ours = fd > 2 && ordered() && path_of(fd, path) && is_ours(path);
    long long at = 0;
    ssize_t written;

    if (ours && orders->full) {
        errno = ENOSPC;
        return -1;
    }
    if (ours)
        at = lseek(fd, 0, fcntl(fd, F_GETFL) & O_APPEND ? SEEK_END : SEEK_CUR);
    written = syscall(SYS_write, fd, bytes, size);
    if (ours && written > 0)
        note(path, at, bytes, written);
    return written;
}

int ftruncate64(int fd, off64_t length)
{
    char path[PATH_MAX];
    int done = syscall(SYS_ftruncate, fd, length);

    if (!done && ordered() && path_of(fd, path) && is_ours(path))
        note(path, length, NULL, -1);
    return done;
}

int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

static int sync_of(int fd, long number)
{
    char path[PATH_MAX];
    struct stat found;
    int folder;

    if (!ordered() || !path_of(fd, path) || fstat(fd, &found))
        return syscall(number, fd);
    strncat(path, S_ISDIR(found.st_mode) ? "/" : "", PATH_MAX - strlen(path) - 1);
    if (!is_ours(path))
        return syscall(number, fd);
    folder = S_ISDIR(found.st_mode);
    if (orders->slow)
        usleep(orders->slow * 1000);
    if (orders->broken && refused(path, EIO))
        return -1;
    if (folder)
        keep_names();
    else
        keep_file(path);
    return 0;
}

int fsync(int fd)
{
    return sync_of(fd, SYS_fsync);
}

int fdatasync(int fd)
{
    return sync_of(fd, SYS_fdatasync);
}

int link(const char *from, const char *to)
{
    char source[PATH_MAX], target[PATH_MAX];
    int done = syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);

    if (!done && ordered() && whole(from, source) && whole(to, target) && is_ours(target))
        note_name('l', source, target);
    return done;
}

int linkat(int folder, const char *from, int other, const char *to, int flags)
{
    if (folder == AT_FDCWD && other == AT_FDCWD && !(flags & ~AT_SYMLINK_FOLLOW))
        return link(from, to);
    return syscall(SYS_linkat, folder, from, other, to, flags);
}

int rename(const char *from, const char *to)
{
    char source[PATH_MAX], target[PATH_MAX];
    int done = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);

    if (!done && ordered() && whole(from, source) && whole(to, target) && is_ours(target))
        note_name('r', source, target);
    return done;
}

int unlink(const char *path)
{
    char found[PATH_MAX];
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);

    if (!done && ordered() && whole(path, found) && is_ours(found))
        note_name('u', found, "");
    return done;
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int done = syscall(SYS_clock_gettime, clock, time);
    long long moment;

    if (!done && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) && ordered()) {
        moment = time->tv_sec * 1000000000LL + time->tv_nsec + orders->shift;
        time->tv_sec = moment / 1000000000LL;
        time->tv_nsec = moment % 1000000000LL;
    }
    return done;
}
