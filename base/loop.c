// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* epoll(7), timerfd and signalfd with the flags that all loops want. */
#include "base/loop.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

int loop_new(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

int loop_watch(int loop_fd, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(loop_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

int loop_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

void loop_timer_set(int timer_fd, uint64_t delay_ns)
{
	struct itimerspec once = {
		.it_value = {(time_t)(delay_ns / 1000000000u), (long)(delay_ns % 1000000000u)}};

	timerfd_settime(timer_fd, 0, &once, NULL);
}

bool loop_timer_due(int timer_fd)
{
	uint64_t expirations;

	return read(timer_fd, &expirations, sizeof(expirations)) == sizeof(expirations);
}

int loop_signals(const int *signals, size_t count)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < count; i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
