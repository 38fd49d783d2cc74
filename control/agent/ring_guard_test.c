// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A worker that is late gets its work done, with and without events of the ring; one that is not
 * is left alone; while one thread has the lock no other works. Needs the right to real-time
 * priority. */
#include "control/agent/ring_guard.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#define SOON_MS (20 * RING_GUARD_LOOK_MS)

/* Of both threads: read and written with __atomic_*. */
struct world {
	struct ring_guard *ring_guard;
	int ring_fd;
	int drained_fd; /* says it */
	bool late;
	unsigned asked;
	unsigned rounds; /* calls of drain until it is in time again */
};

static bool is_late(void *arg)
{
	struct world *w = arg;

	__atomic_fetch_add(&w->asked, 1, __ATOMIC_RELAXED);
	return __atomic_load_n(&w->late, __ATOMIC_RELAXED);
}

static void drain(void *arg)
{
	struct world *w = arg;

	if (w->rounds && --w->rounds)
		return;
	__atomic_store_n(&w->late, false, __ATOMIC_RELAXED);
	eventfd_write(w->drained_fd, 1);
}

static int confine(struct error *err)
{
	(void)err;
	return 0;
}

static int setup(void **state)
{
	static struct world world;
	struct ring_guard_options options = {
		.late = is_late, .drain = drain, .confine = confine, .arg = &world};
	struct error err;

	world = (struct world){.ring_fd = eventfd(0, EFD_CLOEXEC),
			       .drained_fd = eventfd(0, EFD_CLOEXEC)};
	options.ring_fd = world.ring_fd;
	*state = &world;
	return ring_guard_new(&options, &world.ring_guard, &err);
}

static int teardown(void **state)
{
	struct world *w = *state;

	ring_guard_free(w->ring_guard);
	close(w->ring_fd);
	close(w->drained_fd);
	return 0;
}

static bool drained_within(struct world *w, int ms)
{
	struct pollfd fd = {.fd = w->drained_fd, .events = POLLIN};
	eventfd_t count;

	return poll(&fd, 1, ms) == 1 && !eventfd_read(w->drained_fd, &count);
}

static void set_late(struct world *w)
{
	__atomic_store_n(&w->late, true, __ATOMIC_RELAXED);
}

static void test_late_without_event(void **state)
{
	struct world *w = *state;

	assert_true(ring_guard_works(w->ring_guard));
	set_late(w);
	assert_true(drained_within(w, SOON_MS));
	assert_int_equal(ring_guard_rescues(w->ring_guard), 1);
}

static void test_late_at_event(void **state)
{
	struct world *w = *state;

	set_late(w);
	eventfd_write(w->ring_fd, 1);
	assert_true(drained_within(w, SOON_MS));
}

/* What one call of drain has no time for the next ones do, without another event. */
static void test_late_for_many_rounds(void **state)
{
	struct world *w = *state;

	w->rounds = 1000;
	set_late(w);
	eventfd_write(w->ring_fd, 1);
	assert_true(drained_within(w, SOON_MS));
	assert_int_equal(ring_guard_rescues(w->ring_guard), 1000);
}

static void test_in_time(void **state)
{
	struct world *w = *state;

	eventfd_write(w->ring_fd, 1);
	for (int ms = 0; ms < SOON_MS && __atomic_load_n(&w->asked, __ATOMIC_RELAXED) < 3; ms += 10)
		poll(NULL, 0, 10);
	assert_true(__atomic_load_n(&w->asked, __ATOMIC_RELAXED) >= 3);
	assert_false(drained_within(w, 0));
	assert_int_equal(ring_guard_rescues(w->ring_guard), 0);
}

/* A worker that hangs with the lock is not replaced: it must be found dead. */
static void test_hangs_with_the_lock(void **state)
{
	struct world *w = *state;

	ring_guard_lock(w->ring_guard);
	set_late(w);
	assert_false(drained_within(w, 3 * RING_GUARD_LOOK_MS));
	ring_guard_unlock(w->ring_guard);
	assert_true(drained_within(w, SOON_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_late_without_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_at_event, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_for_many_rounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_in_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hangs_with_the_lock, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
