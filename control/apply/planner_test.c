// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of the planner's thread from the loader's side of the channel: what it asks for and when,
 * and what is kept for the next agent. Memory of the kernel is a memfd here. */
#include "control/apply/planner.h"

#include "base/cleanup.h"
#include "control/apply/channel.h"
#include "control/apply/writer.h"
#include "datapath/attach/kept.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define STATES	    4096 /* of endpoints and services */
#define WAIT_MS	    30000
#define PART_BYTES  (1u << 20) /* that are written between two looks for a change */
#define LARGE_FILES 24
#define LARGE_BYTES PART_BYTES
#define MORE                                                                                       \
	"apiVersion: v1\nkind: Service\nmetadata: {name: more, namespace: shop}\n"                 \
	"spec: {ports: [{port: 80}]}\n"

#define SERVICES 6000
#define ARENAS	 2

/* Memory of the kernel, as datapath/attach/mesh_maps.h gives it. */
struct arena_memory {
	uint64_t id; /* 0: there is none */
	uint64_t count;
	int fd;
	char *cells; /* mapped */
};

struct loader {
	struct channel channel;
	struct planner *planner;
	struct weft_endpoint_state *endpoints;
	struct weft_service_state *services;
	struct arena_memory arenas[ARENAS];
	unsigned spare; /* which of them is not in force */
	uint64_t arena_id;
	int kept_fd; /* what was asked for last */
	uint64_t kept_bytes;
	char asked[512]; /* letters of questions: see letter_of */
	char *data;	 /* of questions */
	char *large;
};

static char letter_of(enum channel_question question)
{
	static const char letters[] = {
		[CHANNEL_ARENA] = 'a', [CHANNEL_FLIP] = 'f', [CHANNEL_CLEAR] = 'c',
		[CHANNEL_KEEP] = 'k',  [CHANNEL_KEPT] = 'p', [CHANNEL_AGAIN] = 'g',
	};

	return question < sizeof(letters) ? letters[question] : 0;
}

static int memory_new(uint64_t bytes)
{
	int fd = memfd_create("planner-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)((bytes + 4095) / 4096 * 4096)), 0);
	return fd;
}

/* ---- what the loader does */

/* The next question, not answered yet. */
static enum channel_question question(struct loader *l, uint64_t *ret_argument)
{
	struct pollfd p = {.fd = l->channel.serve_fd, .events = POLLIN};
	enum channel_question q;
	size_t bytes, asked = strlen(l->asked);
	char letter;

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	assert_int_equal(channel_question_read(&l->channel, &q, ret_argument, l->data, &bytes), 0);
	letter = letter_of(q);
	if (letter) {
		assert_true(asked < sizeof(l->asked) - 1);
		l->asked[asked] = letter;
	}
	return q;
}

static void arena_drop(struct arena_memory *a)
{
	if (!a->id)
		return;
	munmap(a->cells, a->count * WEFT_MESH_CELL_BYTES);
	close(a->fd);
}

static void answer_arena(struct loader *l, uint64_t cells)
{
	struct arena_memory *a = &l->arenas[l->spare];
	struct error none = {0};

	if (a->count < cells) {
		arena_drop(a);
		*a = (struct arena_memory){.id = ++l->arena_id, .count = cells + cells / 8};
		a->fd = memory_new(a->count * WEFT_MESH_CELL_BYTES);
		a->cells = mmap(NULL, a->count * WEFT_MESH_CELL_BYTES, PROT_READ | PROT_WRITE,
				MAP_SHARED, a->fd, 0);
		assert_ptr_not_equal(a->cells, MAP_FAILED);
	}
	channel_answer(&l->channel, 0, a->id << 32 | a->count, a->fd, &none);
}

static void answer(struct loader *l, enum channel_question q, uint64_t argument)
{
	struct error none = {0};

	if (q == CHANNEL_ARENA) {
		answer_arena(l, argument);
	} else if (q == CHANNEL_FLIP) {
		assert_int_equal(l->arenas[l->spare].id, argument);
		l->spare = !l->spare;
		channel_answer(&l->channel, 0, 0, -1, &none);
	} else if (q == CHANNEL_KEEP) {
		if (l->kept_fd >= 0)
			close(l->kept_fd);
		l->kept_fd = memory_new(argument);
		l->kept_bytes = argument;
		channel_answer(&l->channel, 0, 0, l->kept_fd, &none);
	} else {
		channel_answer(&l->channel, 0, 0, -1, &none);
	}
}

/* Answers everything before |q| comes, which is left unanswered. */
static uint64_t serve_until(struct loader *l, enum channel_question q)
{
	enum channel_question came;
	uint64_t argument;

	while ((came = question(l, &argument)) != q)
		answer(l, came, argument);
	return argument;
}

/* Until what is in force is kept. */
static void serve_until_kept(struct loader *l)
{
	serve_until(l, CHANNEL_KEPT);
	answer(l, CHANNEL_KEPT, 0);
}

static void send_file(struct loader *l, const char *name, const char *bytes)
{
	struct file_batch *batch = file_batch_new(false);

	file_batch_add(batch, &(struct fed_file){.name = name,
						 .bytes = {bytes, bytes ? strlen(bytes) : 0},
						 .removed = !bytes});
	assert_int_equal(file_batch_send(batch, &l->channel), 0);
}

/* A service whose only endpoint has this last byte. */
static const char *text_of(unsigned last)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
		 "metadata: {name: cart, namespace: shop}\nspec:\n  hosts: [cart.example]\n"
		 "  addresses: [10.1.0.1]\n  resolution: STATIC\n"
		 "  ports: [{number: 80, name: main, protocol: TCP}]\n"
		 "  endpoints: [{address: 10.2.0.%u}]\n",
		 last);
	return text;
}

/* The service with this endpoint, and |large| files without an object. */
static void send_many(struct loader *l, bool whole, unsigned last, unsigned large)
{
	struct file_batch *batch = file_batch_new(whole);
	const char *text = text_of(last);

	l->large[1] = (char)('a' + last);
	file_batch_add(batch, &(struct fed_file){.name = "cart", .bytes = {text, strlen(text)}});
	for (unsigned i = 0; i < large; i++) {
		char name[32];

		snprintf(name, sizeof(name), "large-%u", i);
		file_batch_add(batch,
			       &(struct fed_file){.name = name, .bytes = {l->large, LARGE_BYTES}});
	}
	assert_int_equal(file_batch_send(batch, &l->channel), 0);
}

/* ---- what is kept */

struct found {
	const char *name; /* that is looked for */
	char text[512];	  /* of the last one; "" while there is none */
	unsigned files;	  /* entries that are not removed */
};

static void find(void *arg, const struct fed_file *file)
{
	struct found *f = arg;

	f->files += !file->removed;
	if (strcmp(file->name, f->name) != 0)
		return;
	snprintf(f->text, sizeof(f->text), "%.*s", (int)file->bytes.size_bytes, file->bytes.data);
}

/* As the next agent reads it; all 0 when nothing is. */
static struct found kept(const struct loader *l, const char *name)
{
	struct found found = {.name = name};
	struct batch_news news = {0};
	struct error err = {0};
	struct channel c;
	uint64_t header[2];
	char *data;

	if (l->kept_fd < 0)
		return found;
	data = kept_map(l->kept_fd, l->kept_bytes);
	assert_non_null(data);
	memcpy(header, data, sizeof(header));
	assert_int_equal(channel_open(&c, &err), 0);
	assert_int_equal(
		file_batch_send(file_batch_kept((struct slice){data + sizeof(header), header[1]}),
				&c),
		0);
	assert_int_equal(file_batch_receive(&c, WAIT_MS, &news, find, &found), 1);
	channel_close(&c);
	kept_unmap(data, l->kept_bytes);
	return found;
}

static void expect_kept(const struct loader *l, unsigned last)
{
	assert_string_equal(kept(l, "cart").text, text_of(last));
}

/* ---- tests */

static int loader_new(void **state)
{
	struct loader *l = calloc(1, sizeof(*l));
	struct planner_options options;
	struct error err = {0};

	l->kept_fd = -1;
	l->endpoints = calloc(STATES, sizeof(*l->endpoints));
	l->services = calloc(STATES, sizeof(*l->services));
	l->data = malloc(CHANNEL_DATA_MAX);
	l->large = malloc(LARGE_BYTES);
	memset(l->large, '#', LARGE_BYTES);
	assert_int_equal(channel_open(&l->channel, &err), 0);
	options = (struct planner_options){.seed = 7,
					   .channel = &l->channel,
					   .endpoints = l->endpoints,
					   .services = l->services};
	assert_int_equal(planner_new(&options, &l->planner, &err), 0);
	*state = l;
	return 0;
}

static int loader_free(void **state)
{
	struct loader *l = *state;

	channel_keep_planner(&l->channel); /* no answer comes any more */
	planner_free(l->planner);
	channel_close(&l->channel);
	if (l->kept_fd >= 0)
		close(l->kept_fd);
	for (unsigned i = 0; i < ARENAS; i++)
		arena_drop(&l->arenas[i]);
	free(l->endpoints);
	free(l->services);
	free(l->data);
	free(l->large);
	free(l);
	return 0;
}

/* The order of events is the witness: a change that waits while many files are written comes into
 * force before these are kept, and they are what it made of them. */
static void a_change_does_not_wait_for_keeping(void **state)
{
	struct loader *l = *state;
	uint64_t bytes;

	send_many(l, true, 1, LARGE_FILES);
	bytes = serve_until(l, CHANNEL_KEEP);
	assert_true(bytes > LARGE_FILES * LARGE_BYTES);
	send_file(l, "cart", text_of(2));
	answer(l, CHANNEL_KEEP, bytes);
	serve_until(l, CHANNEL_FLIP);
	assert_int_equal(kept(l, "cart").files, 0); /* nothing, rather than a part */
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	assert_string_equal(l->asked, "afakfp");
	assert_int_equal(kept(l, "cart").files, LARGE_FILES + 2);
	expect_kept(l, 2);
}

/* Changes that never end: a part is written after each. */
static void keeping_does_not_wait_for_ever(void **state)
{
	struct loader *l = *state;
	enum channel_question q = CHANNEL_FLIP;
	unsigned changes = 1;
	uint64_t argument;

	send_many(l, true, 1, LARGE_FILES);
	argument = serve_until(l, CHANNEL_FLIP);
	for (; q != CHANNEL_KEPT; q = question(l, &argument)) {
		if (q == CHANNEL_FLIP)
			send_file(l, "cart", text_of(++changes));
		answer(l, q, argument);
	}
	answer(l, q, 0);
	assert_in_range(changes, LARGE_FILES, LARGE_FILES + 4);
	expect_kept(l, changes - 1);
}

/* When there is no room for what changed meanwhile it begins again, and waits for nothing then. */
static void keeping_begins_again_once(void **state)
{
	struct loader *l = *state;
	uint64_t bytes;

	send_many(l, true, 1, LARGE_FILES);
	bytes = serve_until(l, CHANNEL_KEEP);
	send_many(l, false, 2, LARGE_FILES / 2);
	answer(l, CHANNEL_KEEP, bytes);
	bytes = serve_until(l, CHANNEL_KEEP);
	send_file(l, "cart", text_of(3));
	answer(l, CHANNEL_KEEP, bytes);
	serve_until_kept(l);
	assert_string_equal(l->asked, "afakfkp");
	expect_kept(l, 2);
	serve_until_kept(l);
	assert_string_equal(l->asked, "afakfkpfp");
	expect_kept(l, 3);
}

/* The files of a change are added, and whole ones are written again when these have no room. */
static void a_change_costs_what_its_files_do(void **state)
{
	struct loader *l = *state;
	unsigned again = 0;

	send_many(l, true, 1, 1);
	serve_until_kept(l);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned last = 2 + i % 200;

		memset(l->asked, 0, sizeof(l->asked));
		send_file(l, "cart", text_of(last));
		serve_until(l, CHANNEL_FLIP);
		if (i % 100 == 1)
			expect_kept(l, last - 1);
		answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
		serve_until_kept(l);
		again += strchr(l->asked, 'k') != NULL;
		if (i % 100 == 0)
			expect_kept(l, last);
	}
	assert_in_range(again, 1, 4);
	assert_string_not_equal(kept(l, "large-0").text, "");
}

static void what_is_removed_is_not_kept(void **state)
{
	struct loader *l = *state;

	send_many(l, true, 1, 1);
	serve_until_kept(l);
	send_file(l, "more", MORE);
	serve_until_kept(l);
	expect_kept(l, 1);
	send_file(l, "cart", NULL);
	serve_until_kept(l);
	assert_string_equal(kept(l, "cart").text, "");
	assert_string_equal(kept(l, "more").text, MORE);
}

/* ---- the other arena */

/* The service that changes, and many that do not. */
static void send_services(struct loader *l)
{
	struct file_batch *batch = file_batch_new(true);
	const char *text = text_of(1);

	file_batch_add(batch, &(struct fed_file){.name = "cart", .bytes = {text, strlen(text)}});
	for (unsigned i = 0; i < SERVICES; i++) {
		char name[32], other[256];

		snprintf(name, sizeof(name), "other-%u", i);
		snprintf(other, sizeof(other),
			 "apiVersion: v1\nkind: Service\nmetadata: {name: s%u, namespace: shop}\n"
			 "spec: {clusterIP: 10.3.%u.%u, ports: [{port: 80}]}\n",
			 i, i / 250, i % 250 + 1);
		file_batch_add(batch,
			       &(struct fed_file){.name = name, .bytes = {other, strlen(other)}});
	}
	assert_int_equal(file_batch_send(batch, &l->channel), 0);
}

static uint64_t used_bytes(const struct arena_memory *a)
{
	const struct weft_mesh_header *h = (const struct weft_mesh_header *)a->cells;

	assert_int_equal(h->magic, WEFT_MESH_MAGIC);
	assert_true(h->cells <= a->count);
	return (uint64_t)h->cells * WEFT_MESH_CELL_BYTES;
}

/* Both hold what is in force, after a while in which nothing is asked. */
static void expect_equal_arenas(const struct loader *l)
{
	const struct arena_memory *live = &l->arenas[!l->spare], *spare = &l->arenas[l->spare];
	uint64_t bytes = used_bytes(live);

	assert_true(bytes > PART_BYTES); /* more than is copied at once */
	for (unsigned ms = 0; ms < WAIT_MS && memcmp(live->cells, spare->cells, bytes) != 0; ms++)
		poll(NULL, 0, 1);
	assert_memory_equal(live->cells, spare->cells, bytes);
}

/* A byte that only this test changes is the witness that it was not written again. */
static void the_first_change_writes_its_difference_alone(void **state)
{
	struct loader *l = *state;
	uint64_t far;

	send_services(l);
	serve_until_kept(l);
	expect_equal_arenas(l);
	far = used_bytes(&l->arenas[l->spare]) - WEFT_MESH_CELL_BYTES;
	l->arenas[l->spare].cells[far] ^= 0x55;
	memset(l->asked, 0, sizeof(l->asked));
	send_file(l, "cart", text_of(2));
	serve_until(l, CHANNEL_FLIP);
	assert_string_equal(l->asked, "f"); /* it knew which one is next */
	assert_int_equal(l->arenas[0].cells[far] ^ l->arenas[1].cells[far], 0x55);
	l->arenas[l->spare].cells[far] ^= 0x55;
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	expect_equal_arenas(l);
}

/* One part was copied when the change comes. */
static void a_change_goes_before_the_filling_and_is_whole(void **state)
{
	struct loader *l = *state;
	uint64_t cells;

	send_services(l);
	serve_until(l, CHANNEL_FLIP);
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	cells = serve_until(l, CHANNEL_ARENA);
	send_file(l, "cart", text_of(2));
	answer(l, CHANNEL_ARENA, cells);
	serve_until(l, CHANNEL_FLIP);
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	expect_equal_arenas(l);
	expect_kept(l, 2);
}

/* The loader could not give the other arena: it is asked for again, with the change. */
static void a_change_does_not_need_the_filling(void **state)
{
	struct error short_of = {.code = -ENOMEM, .text = "no memory"};
	struct loader *l = *state;

	send_services(l);
	serve_until(l, CHANNEL_FLIP);
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	serve_until(l, CHANNEL_ARENA);
	channel_answer(&l->channel, -ENOMEM, 0, -1, &short_of);
	serve_until_kept(l);
	memset(l->asked, 0, sizeof(l->asked));
	send_file(l, "cart", text_of(2));
	serve_until(l, CHANNEL_FLIP);
	assert_string_equal(l->asked, "af");
	answer(l, CHANNEL_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	expect_equal_arenas(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_first_change_writes_its_difference_alone,
						loader_new, loader_free),
		cmocka_unit_test_setup_teardown(a_change_goes_before_the_filling_and_is_whole,
						loader_new, loader_free),
		cmocka_unit_test_setup_teardown(a_change_does_not_need_the_filling, loader_new,
						loader_free),
		cmocka_unit_test_setup_teardown(a_change_does_not_wait_for_keeping, loader_new,
						loader_free),
		cmocka_unit_test_setup_teardown(keeping_does_not_wait_for_ever, loader_new,
						loader_free),
		cmocka_unit_test_setup_teardown(keeping_begins_again_once, loader_new, loader_free),
		cmocka_unit_test_setup_teardown(a_change_costs_what_its_files_do, loader_new,
						loader_free),
		cmocka_unit_test_setup_teardown(what_is_removed_is_not_kept, loader_new,
						loader_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
