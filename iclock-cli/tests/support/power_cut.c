// Keeps a copy of each file below POWER_ROOT as it was when it was last synced, in POWER_KEPT: what a power cut leaves
// of it. Loaded into a program with LD_PRELOAD. A copy's name is the file's path with `%` for `/`. A directory that was
// synced after the last file got its name there has a mark: its name with `.dir`.
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Writes the copy's path for a file to `copy`; returns 0 for a file that is elsewhere.
static int copy_of(const char *path, char *copy) {
    const char *root = getenv("POWER_ROOT"), *kept = getenv("POWER_KEPT");
    char whole[PATH_MAX];
    if (!root || !kept) return 0;
    if (path[0] != '/') {
        char here[PATH_MAX];
        if (!getcwd(here, sizeof here) || snprintf(whole, sizeof whole, "%s/%s", here, path) >= PATH_MAX) return 0;
        path = whole;
    }
    size_t length = strlen(root);
    if (strncmp(path, root, length) || path[length] != '/') return 0;
    int start = snprintf(copy, PATH_MAX, "%s/", kept);
    if (start + strlen(path + length + 1) + 1 > PATH_MAX) return 0;
    strcpy(copy + start, path + length + 1);
    for (char *at = copy + start; *at; at++)
        if (*at == '/') *at = '%';
    return 1;
}

// Sets the mark of a directory, or removes it.
static void mark(const char *copy, int is_synced) {
    char name[PATH_MAX + 8];
    snprintf(name, sizeof name, "%s.dir", copy);
    if (!is_synced) {
        syscall(SYS_unlinkat, AT_FDCWD, name, 0);
        return;
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) close(fd);
}

static void keep(int fd) {
    char link[64], path[PATH_MAX], copy[PATH_MAX], part[PATH_MAX + 32], block[65536];
    struct stat stat;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0 || fstat(fd, &stat) || !stat.st_nlink) return;
    path[length] = 0;
    if (!copy_of(path, copy)) return;
    if (S_ISDIR(stat.st_mode)) mark(copy, 1);
    if (!S_ISREG(stat.st_mode)) return;
    // A database's file is read where it is open: closing it a second time would drop the locks of this process.
    int is_readable = (fcntl(fd, F_GETFL) & O_ACCMODE) != O_WRONLY;
    int from = is_readable ? fd : open(path, O_RDONLY | O_CLOEXEC);
    // Whole or not at all, also if the program is killed meanwhile.
    snprintf(part, sizeof part, "%s.%ld.part", copy, (long)syscall(SYS_gettid));
    int to = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t got = -1;
    off_t at = 0;
    for (; from >= 0 && to >= 0 && (got = pread(from, block, sizeof block, at)) > 0; at += got)
        if (write(to, block, got) != got) abort();
    if (from >= 0 && !is_readable) close(from);
    if (to >= 0) close(to);
    if (got == 0 && syscall(SYS_rename, part, copy)) abort();
}

int fsync(int fd) {
    int done = syscall(SYS_fsync, fd);
    if (!done) keep(fd);
    return done;
}

int fdatasync(int fd) {
    int done = syscall(SYS_fdatasync, fd);
    if (!done) keep(fd);
    return done;
}

int unlink(const char *path) {
    char copy[PATH_MAX];
    int done = syscall(SYS_unlinkat, AT_FDCWD, path, 0);
    if (!done && copy_of(path, copy)) syscall(SYS_unlinkat, AT_FDCWD, copy, 0);
    return done;
}

int rename(const char *from, const char *to) {
    char old[PATH_MAX], copy[PATH_MAX];
    int done = syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    if (!done && copy_of(from, old) && copy_of(to, copy)) {
        syscall(SYS_renameat2, AT_FDCWD, old, AT_FDCWD, copy, 0);
        char *name = strrchr(copy, '%');
        if (name) {
            *name = 0;
            mark(copy, 0);
        }
    }
    return done;
}
