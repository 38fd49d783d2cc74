// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* libcap-ng for capabilities, libseccomp for system calls: an allow list. */
#include "control/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* What the event loop, malloc, libmicrohttpd and the C library's clocks do. */
static const int ALLOWED[] = {
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(close),
	SCMP_SYS(lseek),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(accept4),
	SCMP_SYS(recvfrom),
	SCMP_SYS(sendto),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg),
	SCMP_SYS(shutdown),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(fcntl),
	SCMP_SYS(ioctl),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(mprotect),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(mlock),
	SCMP_SYS(munlock),
	SCMP_SYS(futex),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(unlink),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_yield),
	SCMP_SYS(tgkill),
};

static int limit_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int r = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(ALLOWED) / sizeof(ALLOWED[0]) && !r; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, ALLOWED[i], 0);
	r = r ? r : seccomp_load(filter);
	seccomp_release(filter);
	return r;
}

/* The bounding set can be emptied with CAP_SETPCAP only. Without it that set has no effect on this
 * process: it bounds what execve() gives, and no_new_privs lets execve() give nothing. */
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
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* secrets of TLS live in this memory */
	r = limit_calls();
	if (r)
		return error_set(err, r, "cannot limit system calls: %s", strerror(-r));
	return 0;
}
