// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads take turns: each continues to read where the last one stopped. */
#include "datapath/observe/tls_talk_test.h"

#include <pthread.h>

#define SESSIONS 4
#define RECORDS	 40 /* per session and direction: more than there are between two looks at a tag */

static const struct suite suites[] = {
	{TLS1_3_VERSION, "TLS_AES_256_GCM_SHA384", 0x1302, false},
	{TLS1_3_VERSION, "TLS_CHACHA20_POLY1305_SHA256", 0x1303, false},
	{TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", 0xc02b, false},
};

/* What a thread is to feed. */
struct turn {
	struct reader *reader;
	struct secrets *store;
	const struct session_event *event;
	uint64_t time;
};

static void *take(void *arg)
{
	const struct turn *t = arg;

	if (t->event->data) {
		feed_event(t->reader, t->event, CUT_NONE, t->time);
	} else {
		secrets_add(t->store, &t->event->secret);
		tls_retry(t->reader->tls);
	}
	return NULL;
}

/* The other thread, which lives as long as the program: so does what it keeps for itself. */
static struct {
	pthread_t thread;
	pthread_barrier_t barrier;
	struct turn *turn;
} helper;

static void *help(void *arg)
{
	for (;;) {
		pthread_barrier_wait(&helper.barrier);
		take(helper.turn);
		pthread_barrier_wait(&helper.barrier);
	}
	return arg;
}

static void hand_over(struct turn *turn)
{
	helper.turn = turn;
	pthread_barrier_wait(&helper.barrier);
	pthread_barrier_wait(&helper.barrier);
}

static struct session *session_long(SSL_CTX *contexts[2])
{
	struct session *s = session_new(contexts[0], contexts[1], true, 1);
	uint8_t data[300];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)rand();
	while (!session_shake(s))
		;
	for (int i = 0; i < RECORDS; i++) {
		session_write(s, TLS_CLIENT, data, 1 + (size_t)rand() % sizeof(data));
		session_write(s, TLS_SERVER, data, 1 + (size_t)rand() % sizeof(data));
	}
	for (int side = 0; side < 2; side++) {
		SSL_shutdown(s->ends[side]);
		session_carry(s, (enum tls_side)side);
	}
	return s;
}

/* All sessions side by side, event by event; every third is the other thread's. */
static void replay_in_turns(struct session **sessions, struct reader **readers,
			    struct secrets *store)
{
	size_t most = 0;
	uint64_t time = 0;

	for (int i = 0; i < SESSIONS; i++)
		most = sessions[i]->event_count > most ? sessions[i]->event_count : most;
	for (size_t n = 0; n < most; n++) {
		for (int i = 0; i < SESSIONS; i++) {
			struct turn turn = {readers[i], store, &sessions[i]->events[n], ++time};

			if (n >= sessions[i]->event_count)
				continue;
			if (time % 3)
				take(&turn);
			else
				hand_over(&turn);
		}
	}
}

static void check_suite(const struct suite *suite, bool at_sender)
{
	SSL_CTX *contexts[2];
	struct session *sessions[SESSIONS];
	struct reader *readers[SESSIONS];
	struct secrets *store = store_new();

	contexts_new(suite, 0, contexts);
	for (int i = 0; i < SESSIONS; i++) {
		sessions[i] = session_long(contexts);
		readers[i] = reader_new(store);
		reader_at_sender(readers[i], at_sender);
	}
	replay_in_turns(sessions, readers, store);
	for (int i = 0; i < SESSIONS; i++) {
		assert_plain(sessions[i], readers[i], false);
		reader_free(readers[i]);
		session_free(sessions[i]);
	}
	secrets_free(store);
	contexts_free(contexts);
}

static void test_turns(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++)
		for (int at_sender = 0; at_sender < 2; at_sender++)
			check_suite(&suites[i], at_sender);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
	};

	identity_make();
	assert(!pthread_barrier_init(&helper.barrier, NULL, 2));
	assert(!pthread_create(&helper.thread, NULL, help, NULL));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
