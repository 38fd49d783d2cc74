// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A lock with priority inheritance, and a thread with real-time priority. */
#include "control/agent/ring_guard.h"

#include "base/loop.h"
#include "base/process.h"
#include "base/schedule.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define RESCUE_MAX_US 500000 /* of CPU without a pause: more is an error and ends the worker */

struct ring_guard {
	struct ring_guard_options options;
	pthread_mutex_t lock;
	pthread_t rescuer;
	bool guarded;
	bool stop;
	int epoll_fd;
	int stop_fd;
	uint64_t rescues;
};

void ring_guard_lock(struct ring_guard *t)
{
	pthread_mutex_lock(&t->lock);
}

void ring_guard_unlock(struct ring_guard *t)
{
	pthread_mutex_unlock(&t->lock);
}

/* ---- the rescuer */

/* Uses at most three quarters of a core, so that the rest is left for other threads. */
static void rest_after(uint64_t work_ns)
{
	uint64_t ns = work_ns / 3;
	struct timespec pause = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	nanosleep(&pause, NULL);
}

static bool is_stopped(const struct ring_guard *t)
{
	return __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE);
}

static void rescue(struct ring_guard *t)
{
	uint64_t began_ns = process_now_ns();

	ring_guard_lock(t);
	t->options.drain(t->options.arg);
	ring_guard_unlock(t);
	__atomic_fetch_add(&t->rescues, 1, __ATOMIC_RELAXED);
	rest_after(process_now_ns() - began_ns);
}

static void *run(void *arg)
{
	struct ring_guard *t = arg;
	struct epoll_event event;
	struct error err;

	if (t->options.confine(&err))
		return NULL;
	while (!is_stopped(t)) {
		epoll_wait(t->epoll_fd, &event, 1, RING_GUARD_LOOK_MS);
		while (t->options.late(t->options.arg) && !is_stopped(t))
			rescue(t);
	}
	return NULL;
}

/* ---- life */

static int mutex_start(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attributes;
	int r = pthread_mutexattr_init(&attributes);

	r = r ? r : pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	r = r ? r : pthread_mutex_init(mutex, &attributes);
	pthread_mutexattr_destroy(&attributes);
	return -r;
}

static int rescuer_start(struct ring_guard *t)
{
	const struct rlimit at_a_time = {RESCUE_MAX_US, RESCUE_MAX_US};
	int r;

	setrlimit(RLIMIT_RTTIME, &at_a_time);
	r = schedule_first(&t->rescuer, run, t);
	t->guarded = !r;
	return r == -EPERM ? 0 : r;
}

/* Edge-triggered: a ring with data is always readable. */
static int watch_start(struct ring_guard *t)
{
	struct epoll_event ring = {.events = EPOLLIN | EPOLLET}, stop = {.events = EPOLLIN};

	t->epoll_fd = loop_new();
	t->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (t->epoll_fd < 0 || t->stop_fd < 0 ||
	    epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->options.ring_fd, &ring) ||
	    epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, t->stop_fd, &stop))
		return -errno;
	return 0;
}

int ring_guard_new(const struct ring_guard_options *options, struct ring_guard **ret,
		   struct error *err)
{
	struct ring_guard *t = calloc(1, sizeof(*t));
	int r = t ? mutex_start(&t->lock) : -ENOMEM;

	if (r) {
		free(t);
		return error_set(err, r, "cannot make the worker's lock: %s", strerror(-r));
	}
	t->options = *options;
	t->epoll_fd = t->stop_fd = -1;
	r = watch_start(t);
	r = r ? r : rescuer_start(t);
	if (r) {
		ring_guard_free(t);
		return error_set(err, r, "cannot watch the ring: %s", strerror(-r));
	}
	*ret = t;
	return 0;
}

static void rescuer_stop(struct ring_guard *t)
{
	uint64_t one = 1;

	__atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
	if (write(t->stop_fd, &one, sizeof(one)) == sizeof(one))
		pthread_join(t->rescuer, NULL);
}

void ring_guard_free(struct ring_guard *t)
{
	if (!t)
		return;
	if (t->guarded)
		rescuer_stop(t);
	if (t->epoll_fd >= 0)
		close(t->epoll_fd);
	if (t->stop_fd >= 0)
		close(t->stop_fd);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

bool ring_guard_works(const struct ring_guard *t)
{
	return t->guarded;
}

uint64_t ring_guard_rescues(const struct ring_guard *t)
{
	return __atomic_load_n(&t->rescues, __ATOMIC_RELAXED);
}
