/*
 * Preloaded into a process, lets the file system refuse one call, or one kind of call from then on, or ends
 * the process at a call. Only calls with a path below FAULT_FOLDER count, and calls on descriptors opened by
 * such a path; a person of the test reaches the same files by another path and is never refused.
 *
 *   FAULT_FOLDER  the folder whose calls count
 *   FAULT_SKIP    a folder below it whose calls do not
 *   FAULT_LOG     gets a line "<number> <call> <path>" for each call that counts
 *   FAULT         "<call> <number> <errno> <once|always> <before|after>", such as "link 2 1 always before": the second
 *                 link fails; `always` refuses all later ones, too; `after` carries the call out before it fails
 *   FAULT_KILL    the number of the call before which the process gets SIGKILL
 *
 * A write that fails for want of room writes half of its bytes, and the next write fails.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 65536
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *skip;
static int log_descriptor = -1;
static long count, named, fault_number, kill_number;
static int fault_errno, always, after, short_write;
static char fault_name[16];
static unsigned char counts[DESCRIPTORS];

__attribute__((constructor)) static void begin(void) {
  const char *fault = getenv("FAULT"), *log = getenv("FAULT_LOG"), *kill = getenv("FAULT_KILL");
  char lasts[16] = "", when[16] = "";
  folder = getenv("FAULT_FOLDER");
  skip = getenv("FAULT_SKIP");
  if (fault && sscanf(fault, "%15s %ld %d %15s %15s", fault_name, &fault_number, &fault_errno, lasts, when) != 5) abort();
  always = strcmp(lasts, "always") == 0;
  after = strcmp(when, "after") == 0;
  if (kill) kill_number = atol(kill);
  if (log) log_descriptor = syscall(SYS_open, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_below(const char *path, const char *parent) {
  size_t length = parent ? strlen(parent) : 0;
  return length > 0 && strncmp(path, parent, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_ours(const char *path) {
  return path && is_below(path, folder) && !is_below(path, skip);
}

/* Gives 0, or the errno with which the call is to fail. */
static int ask(const char *name, const char *path) {
  char line[4200];
  int result = 0;
  pthread_mutex_lock(&mutex);
  count++;
  if (strcmp(name, fault_name) == 0 && (++named == fault_number || (always && named > fault_number))) result = fault_errno;
  if (short_write && strcmp(name, "write") == 0) {
    short_write = 0;
    result = ENOSPC;
  }
  if (log_descriptor >= 0) {
    int length = snprintf(line, sizeof line, "%ld %s %s%s\n", count, name, path, result ? " refused" : "");
    if (syscall(SYS_write, log_descriptor, line, length) < 0) abort();
  }
  if (count == kill_number) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
  }
  pthread_mutex_unlock(&mutex);
  return result;
}

/* The path of a descriptor whose calls count, or NULL. */
static const char *path_of(int descriptor, char *buffer, size_t size) {
  char link[64];
  if (descriptor < 0 || descriptor >= DESCRIPTORS || !counts[descriptor]) return NULL;
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = syscall(SYS_readlink, link, buffer, size - 1);
  if (length < 0) return NULL;
  buffer[length] = 0;
  return is_ours(buffer) ? buffer : NULL;
}

#define BY_PATH(name, path, call)                                   \
  do {                                                              \
    int error = is_ours(path) ? ask(name, path) : 0;                \
    if (error && !after) { errno = error; return -1; }              \
    __typeof__(call) result = call;                                 \
    if (error) { errno = error; return -1; }                        \
    return result;                                                  \
  } while (0)

#define BY_DESCRIPTOR(name, descriptor, call)                       \
  do {                                                              \
    char buffer[4096];                                              \
    const char *path = path_of(descriptor, buffer, sizeof buffer);  \
    BY_PATH(name, path, call);                                      \
  } while (0)

int link(const char *from, const char *to) { BY_PATH("link", to, REAL(link)(from, to)); }
int rename(const char *from, const char *to) { BY_PATH("rename", to, REAL(rename)(from, to)); }
int unlink(const char *path) { BY_PATH("unlink", path, REAL(unlink)(path)); }
int mkdir(const char *path, mode_t mode) { BY_PATH("mkdir", path, REAL(mkdir)(path, mode)); }
int chmod(const char *path, mode_t mode) { BY_PATH("chmod", path, REAL(chmod)(path, mode)); }
int fsync(int descriptor) { BY_DESCRIPTOR("fsync", descriptor, REAL(fsync)(descriptor)); }
int fdatasync(int descriptor) { BY_DESCRIPTOR("fsync", descriptor, REAL(fdatasync)(descriptor)); }
int fchmod(int descriptor, mode_t mode) { BY_DESCRIPTOR("chmod", descriptor, REAL(fchmod)(descriptor, mode)); }
int fchown(int descriptor, uid_t user, gid_t group) {
  BY_DESCRIPTOR("chown", descriptor, REAL(fchown)(descriptor, user, group));
}

int open64(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  const char *name = (flags & (O_WRONLY | O_RDWR | O_CREAT)) ? "open" : "read";
  int error = is_ours(path) ? ask(name, path) : 0;
  if (error && !after) {
    errno = error;
    return -1;
  }
  int descriptor = REAL(open64)(path, flags, mode);
  if (error) {
    if (descriptor >= 0) syscall(SYS_close, descriptor);
    errno = error;
    return -1;
  }
  if (descriptor >= 0 && descriptor < DESCRIPTORS) counts[descriptor] = is_ours(path);
  return descriptor;
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
  char buffer[4096];
  const char *path = path_of(descriptor, buffer, sizeof buffer);
  int error = path ? ask("write", path) : 0;
  if (error == ENOSPC && length > 1 && named == fault_number) {
    short_write = 1;
    return REAL(write)(descriptor, bytes, length / 2);
  }
  if (error && after) REAL(write)(descriptor, bytes, length);
  if (error) {
    errno = error;
    return -1;
  }
  return REAL(write)(descriptor, bytes, length);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t length, off64_t offset) {
  BY_DESCRIPTOR("write", descriptor, REAL(pwrite64)(descriptor, bytes, length, offset));
}

ssize_t writev(int descriptor, const struct iovec *parts, int number) {
  BY_DESCRIPTOR("write", descriptor, REAL(writev)(descriptor, parts, number));
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t length) {
  BY_DESCRIPTOR("write", out, REAL(sendfile64)(out, in, offset, length));
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags) {
  BY_DESCRIPTOR("write", out, REAL(copy_file_range)(in, from, out, to, length, flags));
}
