// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a confined process can still do, and what not: tried in a child for each. */
#include "control/agent/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

static char file[] = "/tmp/weft-sandbox-XXXXXX";
static int open_fd;   /* of that file */
static int datagrams; /* a socket without a peer */
static void *page;

/* ---- what is tried: 0 when it worked, else errno */

static int result(long r)
{
	return r < 0 ? errno : 0;
}

static int map(int protection)
{
	void *at = mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int map_file(int protection)
{
	void *at = mmap(NULL, 4096, protection, MAP_PRIVATE, open_fd, 0);

	return at == MAP_FAILED ? errno : 0;
}

static int send_to(const struct sockaddr_in *to)
{
	return result(
		sendto(datagrams, "x", 1, 0, (const struct sockaddr *)to, to ? sizeof(*to) : 0));
}

#define TRIES(X)                                                                                   \
	X(unlinks, EPERM, result(unlink(file)))                                                    \
	X(unlinks_at, EPERM, result(unlinkat(AT_FDCWD, file, 0)))                                  \
	X(renames, EPERM, result(rename(file, "/tmp/weft-sandbox-other")))                         \
	X(opens, EPERM, result(open(file, O_RDONLY | O_CLOEXEC)))                                  \
	X(looks_at_files, EPERM, result(access(file, R_OK)))                                       \
	X(truncates, EPERM, result(ftruncate(open_fd, 0)))                                         \
	X(kills_parent, EPERM, result(kill(getppid(), 0)))                                         \
	X(kills_thread, EPERM, result(syscall(SYS_tgkill, getppid(), getppid(), 0)))               \
	X(signals_itself, 0, result(syscall(SYS_tgkill, getpid(), getpid(), 0)))                   \
	X(maps_code, EPERM, map(PROT_READ | PROT_EXEC))                                            \
	X(maps_writable_code, EPERM, map(PROT_READ | PROT_WRITE | PROT_EXEC))                      \
	X(makes_code, EPERM, result(mprotect(page, 4096, PROT_READ | PROT_EXEC)))                  \
	X(makes_code_with_key, EPERM,                                                              \
	  result(syscall(SYS_pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1)))               \
	X(maps_data, 0, map(PROT_READ | PROT_WRITE))                                               \
	X(protects_data, 0, result(mprotect(page, 4096, PROT_READ)))                               \
	X(types_on_terminals, EPERM, result(ioctl(open_fd, TIOCSTI, "x")))                         \
	X(asks_terminals, ENOTTY, result(ioctl(open_fd, TCGETS, &(struct termios){0})))            \
	X(signals_by_files, EPERM, result(fcntl(open_fd, F_SETOWN, getppid())))                    \
	X(copies_descriptors, EPERM, result(fcntl(open_fd, F_DUPFD, 100)))                         \
	X(sends_anywhere, EPERM,                                                                   \
	  send_to(&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9)}))             \
	X(sends_to_its_peer, EDESTADDRREQ, send_to(NULL))                                          \
	X(makes_sockets, EPERM, result(socket(AF_INET, SOCK_STREAM, 0)))                           \
	X(connects, EPERM,                                                                         \
	  result(connect(datagrams,                                                                \
			 (struct sockaddr *)&(struct sockaddr_in){.sin_family = AF_INET},          \
			 sizeof(struct sockaddr_in))))                                             \
	X(moves_sockets, EPERM, result(setsockopt(datagrams, SOL_SOCKET, SO_MARK, &(int){1}, 4)))  \
	X(forks, EPERM, result(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)))                           \
	X(runs_programs, EPERM, result(execl("/bin/true", "true", NULL)))                          \
	X(traces, EPERM, result(syscall(SYS_ptrace, 0, 0, 0, 0)))                                  \
	X(controls_itself, EPERM, result(prctl(PR_SET_DUMPABLE, 1)))                               \
	X(creates_files, EPERM,                                                                    \
	  result(openat(AT_FDCWD, "/tmp/weft-sandbox-new", O_CREAT | O_WRONLY, 0600)))             \
	X(opens_by_rules, EPERM,                                                                   \
	  result(syscall(SYS_openat2, AT_FDCWD, file, &(uint64_t[3]){0}, 24)))                     \
	X(links_files, EPERM, result(link(file, "/tmp/weft-sandbox-other")))                       \
	X(makes_directories, EPERM, result(mkdir("/tmp/weft-sandbox-new", 0700)))                  \
	X(changes_modes, EPERM, result(fchmod(open_fd, 0777)))                                     \
	X(changes_owners, EPERM, result(fchown(open_fd, 0, 0)))                                    \
	X(makes_files_in_memory, EPERM, result(syscall(SYS_memfd_create, "x", 0)))                 \
	X(kills_by_thread, EPERM, result(syscall(SYS_tkill, getppid(), 0)))                        \
	X(queues_signals, EPERM, result(syscall(SYS_rt_sigqueueinfo, getppid(), 0, NULL)))         \
	X(opens_processes, EPERM, result(syscall(SYS_pidfd_open, getppid(), 0)))                   \
	X(writes_to_processes, EPERM,                                                              \
	  result(syscall(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0)))                  \
	X(limits_processes, EPERM, result(syscall(SYS_prlimit64, getppid(), 7, NULL, NULL)))       \
	X(maps_code_of_files, EPERM, map_file(PROT_READ | PROT_EXEC))                              \
	X(runs_what_it_reads, EPERM, result(syscall(SYS_personality, 0x0400000)))                  \
	X(takes_memory_from_others, EPERM, result(madvise(page, 4096, MADV_REMOVE)))               \
	X(gives_memory_back, 0, result(madvise(page, 4096, MADV_DONTNEED)))                        \
	X(handles_faults, EPERM, result(syscall(SYS_userfaultfd, 0)))                              \
	X(queues_calls, EPERM, result(syscall(SYS_io_uring_setup, 1, NULL)))                       \
	X(makes_pairs, EPERM, result(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0})))            \
	X(binds, EPERM, result(bind(datagrams, NULL, 0)))                                          \
	X(listens, EPERM, result(listen(datagrams, 1)))                                            \
	X(repairs_sockets, EPERM,                                                                  \
	  result(setsockopt(datagrams, IPPROTO_TCP, TCP_REPAIR, &(int){1}, 4)))                    \
	X(delays_nothing, ENOPROTOOPT,                                                             \
	  result(setsockopt(datagrams, IPPROTO_TCP, TCP_NODELAY, &(int){1}, 4)))                   \
	X(enters_namespaces, EPERM, result(syscall(SYS_setns, open_fd, 0)))                        \
	X(makes_namespaces, EPERM, result(syscall(SYS_unshare, CLONE_NEWUSER)))                    \
	X(mounts, EPERM, result(mount("none", "/tmp", "tmpfs", 0, NULL)))                          \
	X(changes_root, EPERM, result(chroot("/")))                                                \
	X(becomes_others, EPERM, result(syscall(SYS_setuid, 0)))                                   \
	X(is_sooner, EPERM, result(nice(-1)))                                                      \
	X(loads_programs, EPERM, result(syscall(SYS_bpf, 0, NULL, 0)))

struct
try {
	const char *name;
	int wanted;
	void (*it)(int *ret);
};

#define FUNCTION(name, wanted, expression)                                                         \
	static void name(int *ret)                                                                 \
	{                                                                                          \
		*ret = expression;                                                                 \
	}
TRIES(FUNCTION)
#undef FUNCTION

static const struct try tries[] = {
#define ROW(name, wanted, expression) {#name, wanted, name},
	TRIES(ROW)
#undef ROW
};

/* The exit status is 1 when the child could not be confined, else 2 + errno. */
static int tried_confined(const struct try *t)
{
	pid_t child = fork();
	int status, got;

	if (child == 0) {
		if (sandbox_enter(NULL))
			_exit(1);
		t->it(&got);
		_exit(2 + got);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 1);
	return WEXITSTATUS(status) - 2;
}

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int got = tried_confined(&tries[i]);

		if (got != tries[i].wanted)
			fail_msg("%s: errno %d, wanted %d", tries[i].name, got, tries[i].wanted);
	}
	assert_int_equal(access(file, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_calls)};
	int code;

	open_fd = mkstemp(file);
	datagrams = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (open_fd < 0 || datagrams < 0 || page == MAP_FAILED)
		return 1;
	code = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(file);
	return code;
}
