/* A disk that fails: loaded before the C library, it refuses to sync files whose path contains the text that
   stands in the file named by REFUSE_FSYNC; nothing while that file is empty. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_refused(int fd) {
    char part[256], link[64], path[4096];
    const char *order = getenv("REFUSE_FSYNC");
    int file = order == NULL ? -1 : open(order, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t part_length = read(file, part, sizeof part - 1);
    close(file);
    if (part_length <= 0) return 0;
    part[part_length] = '\0';
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t path_length = readlink(link, path, sizeof path - 1);
    if (path_length <= 0) return 0;
    path[path_length] = '\0';
    return strstr(path, part) != NULL;
}

#define REFUSING(name, parameters, ...)                                        \
    int name parameters {                                                      \
        int (*real) parameters = dlsym(RTLD_NEXT, #name);                      \
        if (is_refused(fd)) {                                                  \
            errno = EIO;                                                       \
            return -1;                                                         \
        }                                                                      \
        return real(__VA_ARGS__);                                              \
    }

REFUSING(fsync, (int fd), fd)
REFUSING(fdatasync, (int fd), fd)
REFUSING(sync_file_range, (int fd, long offset, long bytes, unsigned flags), fd, offset, bytes, flags)
