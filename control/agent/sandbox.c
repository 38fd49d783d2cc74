// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcap-ng for capabilities, libseccomp for system calls: an allow list with conditions on
 * arguments. */
#include "control/agent/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONDITIONS_MAX 2

/* A call is allowed if all conditions of its row hold, or if the row has none; a call may have
 * several rows. */
struct call {
	int number;
	uint32_t conditions;
	struct scmp_arg_cmp condition[CONDITIONS_MAX];
};

#define COUNT(...) (sizeof((struct scmp_arg_cmp[]){__VA_ARGS__}) / sizeof(struct scmp_arg_cmp))
#define CALL(name) {.number = SCMP_SYS(name)}
#define CALL_IF(name, ...)                                                                         \
	{                                                                                          \
		.number = SCMP_SYS(name), .conditions = COUNT(__VA_ARGS__), .condition = {         \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
/* For an int argument: the kernel ignores the upper half of the register. */
#define IS(argument, value)	{argument, SCMP_CMP_MASKED_EQ, UINT32_MAX, (value)}
#define IS_NULL(argument)	{argument, SCMP_CMP_EQ, 0, 0}
#define HAS_NOT(argument, bits) {argument, SCMP_CMP_MASKED_EQ, (bits), 0}

/* Calls of the event loop, malloc, libmicrohttpd and the C library, with conditions where other
 * arguments could do harm. tgkill is added in limit_calls: only for this process. */
static const struct call ALLOWED[] = {
	/* what is open already */
	CALL(read),
	CALL(write),
	CALL(writev),
	CALL(pread64),
	CALL(close),
	CALL(lseek),
	CALL(fstat),
	CALL_IF(fcntl, IS(1, F_GETFL)),
	CALL_IF(fcntl, IS(1, F_SETFL)),
	CALL_IF(fcntl, IS(1, F_GETFD)),
	CALL_IF(fcntl, IS(1, F_SETFD)),
	CALL_IF(ioctl, IS(1, TCGETS)), /* isatty */
	CALL_IF(ioctl, IS(1, FIONBIO)),
	/* waiting, time */
	CALL(epoll_wait),
	CALL(epoll_pwait),
	CALL(epoll_ctl),
	CALL(poll),
	CALL(ppoll),
	CALL(futex),
	CALL(timerfd_settime),
	CALL(clock_gettime),
	CALL(clock_nanosleep),
	CALL(gettimeofday),
	CALL(time),
	CALL(sched_yield),
	CALL(restart_syscall),
	/* connected sockets: no call names a destination */
	CALL(accept4),
	CALL(recvfrom),
	CALL_IF(sendto, IS_NULL(4)),
	CALL(recvmsg),
	CALL(sendmsg),
	CALL(shutdown),
	CALL(getsockopt),
	CALL_IF(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_NODELAY)),
	CALL_IF(setsockopt, IS(1, IPPROTO_TCP), IS(2, TCP_CORK)),
	CALL(getsockname),
	CALL(getpeername),
	/* memory that cannot be run */
	CALL_IF(mmap, HAS_NOT(2, PROT_EXEC)),
	CALL_IF(mprotect, HAS_NOT(2, PROT_EXEC)),
	CALL(munmap),
	CALL(mremap),
	CALL_IF(madvise, IS(2, MADV_DONTNEED)),
	CALL_IF(madvise, IS(2, MADV_FREE)),
	CALL_IF(madvise, IS(2, MADV_DONTDUMP)),
	CALL_IF(madvise, IS(2, MADV_WIPEONFORK)),
	CALL(brk),
	CALL(mlock),
	CALL(munlock),
	/* itself */
	CALL(getrandom),
	CALL(getpid),
	CALL(gettid),
	CALL(getrusage),
	CALL(rt_sigaction),
	CALL(rt_sigprocmask),
	CALL(rt_sigreturn),
	CALL(sigaltstack),
	CALL(exit),
	CALL(exit_group),
};

static int limit_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	struct scmp_arg_cmp itself = IS(0, (scmp_datum_t)getpid());
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(ALLOWED) / sizeof(ALLOWED[0]) && !r; i++)
		r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, ALLOWED[i].number,
					   ALLOWED[i].conditions, ALLOWED[i].condition);
	r = r ? r : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, &itself);
	r = r ? r : seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

/* Emptying the bounding set needs CAP_SETPCAP. Without that the set has no effect on this process:
 * it limits what execve() grants, and with no_new_privs execve() grants nothing. */
static int drop_capabilities(struct error *err)
{
	bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1;
	capng_select_t what = may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS;

	capng_clear(CAPNG_SELECT_BOTH);
	return capng_apply(what) < 0 ? error_set(err, -EPERM, "cannot give up capabilities") : 0;
}

int sandbox_enter(struct error *err)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return error_set(err, -errno, "cannot set no_new_privs: %s", strerror(errno));
	r = drop_capabilities(err);
	if (r)
		return r;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* this memory contains TLS secrets */
	r = limit_calls();
	if (r)
		return error_set(err, r, "cannot limit system calls: %s", strerror(-r));
	return 0;
}

int sandbox_try(struct error *err)
{
	struct error why = {0};
	int ends[2], status;
	pid_t pid;

	if (pipe(ends))
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		status = sandbox_enter(&why) && write(ends[1], &why, sizeof(why)) > 0;
		_exit(status);
	}
	close(ends[1]);
	if (pid < 0)
		error_set(&why, -errno, "cannot fork: %s", strerror(errno));
	else if (read(ends[0], &why, sizeof(why)) != sizeof(why))
		why = (struct error){0};
	close(ends[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status && !why.code)
		error_set(&why, -ECHILD, "the worker's confinement ends it");
	return why.code ? error_set(err, why.code, "%s", why.text) : 0;
}
