// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of the compiler's thread from the loader's side: what it asks for and when,
 * and what is kept for the next agent. Memory of the kernel is a memfd here. */
#include "control/apply/config_compiler.h"

#include "base/cleanup.h"
#include "control/ipc/links.h"
#include "control/apply/writer.h"
#include "datapath/attach/core/kept.h"

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

/* Memory of the kernel, as datapath/attach/mesh/mesh_maps.h gives it. */
struct arena_memory {
	uint64_t id; /* 0: there is none */
	uint64_t count;
	int fd;
	char *cells; /* mapped */
};

struct loader {
	struct ipc_links links;
	struct config_compiler *config_compiler;
	struct weft_endpoint_state *endpoints;
	struct weft_service_state *services;
	struct arena_memory arenas[ARENAS];
	unsigned spare; /* which of them is not in force */
	uint64_t arena_id;
	int kept_fd; /* what was asked for last */
	uint64_t kept_bytes;
	char asked[512];	    /* letters of questions: see letter_of */
	char *data;		    /* of requests */
	struct ipc_request request; /* the latest */
	char *large;
};

static char letter_of(enum ipc_message message)
{
	static const char letters[] = {
		[IPC_MESSAGE_ARENA] = 'a', [IPC_MESSAGE_FLIP] = 'f',  [IPC_MESSAGE_KEEP] = 'k',
		[IPC_MESSAGE_KEPT] = 'p',  [IPC_MESSAGE_AGAIN] = 'g',
	};

	return message < sizeof(letters) ? letters[message] : 0;
}

static int memory_new(uint64_t bytes)
{
	int fd = memfd_create("compiler-test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)((bytes + 4095) / 4096 * 4096)), 0);
	return fd;
}

/* ---- what the loader does */

/* The next question, not answered yet. */
static enum ipc_message question(struct loader *l, uint64_t *ret_argument)
{
	struct ipc *config_io = &l->links.answers[IPC_CONFIG_IO];
	size_t asked = strlen(l->asked);
	char letter;

	assert_true(ipc_wait(config_io, WAIT_MS));
	assert_int_equal(ipc_receive(config_io, &l->request, l->data, IPC_DATA_MAX, NULL), 0);
	memcpy(ret_argument, l->data, sizeof(*ret_argument));
	letter = letter_of(l->request.message);
	if (letter) {
		assert_true(asked < sizeof(l->asked) - 1);
		l->asked[asked] = letter;
	}
	return l->request.message;
}

static void reply(struct loader *l, const void *data, size_t bytes, int fd)
{
	ipc_answer(&l->links.answers[IPC_CONFIG_IO], &l->request, data, bytes, fd);
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
	struct ipc_arena answer;

	if (a->count < cells) {
		arena_drop(a);
		*a = (struct arena_memory){.id = ++l->arena_id, .count = cells + cells / 8};
		a->fd = memory_new(a->count * WEFT_MESH_CELL_BYTES);
		a->cells = mmap(NULL, a->count * WEFT_MESH_CELL_BYTES, PROT_READ | PROT_WRITE,
				MAP_SHARED, a->fd, 0);
		assert_ptr_not_equal(a->cells, MAP_FAILED);
	}
	answer = (struct ipc_arena){(uint32_t)a->id, (uint32_t)a->count};
	reply(l, &answer, sizeof(answer), a->fd);
}

static void answer(struct loader *l, enum ipc_message q, uint64_t argument)
{
	if (q == IPC_MESSAGE_ARENA) {
		answer_arena(l, argument);
	} else if (q == IPC_MESSAGE_FLIP) {
		assert_int_equal(l->arenas[l->spare].id, argument);
		l->spare = !l->spare;
		reply(l, NULL, 0, -1);
	} else if (q == IPC_MESSAGE_KEEP) {
		cleanup_close_fd(&l->kept_fd);
		l->kept_fd = memory_new(argument);
		l->kept_bytes = argument;
		reply(l, NULL, 0, l->kept_fd);
	} else {
		reply(l, NULL, 0, -1);
	}
}

/* Answers everything before |q| comes, which is left unanswered. */
static uint64_t serve_until(struct loader *l, enum ipc_message q)
{
	enum ipc_message came;
	uint64_t argument;

	while ((came = question(l, &argument)) != q)
		answer(l, came, argument);
	return argument;
}

static void serve_flip(struct loader *l)
{
	answer(l, IPC_MESSAGE_FLIP, serve_until(l, IPC_MESSAGE_FLIP));
}

/* Until what is in force is kept. */
static void serve_until_kept(struct loader *l)
{
	serve_until(l, IPC_MESSAGE_KEPT);
	answer(l, IPC_MESSAGE_KEPT, 0);
}

static void send_file(struct loader *l, const char *name, const char *bytes)
{
	struct file_batch *batch = file_batch_new(false);

	file_batch_add(batch, &(struct fed_file){.name = name,
						 .bytes = {bytes, bytes ? strlen(bytes) : 0},
						 .removed = !bytes});
	assert_int_equal(file_batch_send(batch, &l->links.asks[IPC_COMPILER]), 0);
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
static void send_many(struct loader *l, bool snapshot, unsigned last, unsigned large)
{
	struct file_batch *batch = file_batch_new(snapshot);
	const char *text = text_of(last);

	l->large[1] = (char)('a' + last);
	file_batch_add(batch, &(struct fed_file){.name = "cart", .bytes = {text, strlen(text)}});
	for (unsigned i = 0; i < large; i++) {
		char name[32];

		snprintf(name, sizeof(name), "large-%u", i);
		file_batch_add(batch,
			       &(struct fed_file){.name = name, .bytes = {l->large, LARGE_BYTES}});
	}
	assert_int_equal(file_batch_send(batch, &l->links.asks[IPC_COMPILER]), 0);
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
	struct ipc_links links;
	uint64_t header[2];
	char *data;

	if (l->kept_fd < 0)
		return found;
	data = kept_map(l->kept_fd, l->kept_bytes);
	assert_non_null(data);
	memcpy(header, data, sizeof(header));
	assert_int_equal(ipc_links_open(&links, &err), 0);
	assert_int_equal(
		file_batch_send(file_batch_kept((struct slice){data + sizeof(header), header[1]}),
				&links.asks[IPC_COMPILER]),
		0);
	assert_int_equal(
		file_batch_receive(&links.answers[IPC_COMPILER], WAIT_MS, &news, find, &found), 1);
	ipc_links_close(&links);
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
	struct config_compiler_options options;
	struct error err = {0};

	l->kept_fd = -1;
	l->endpoints = calloc(STATES, sizeof(*l->endpoints));
	l->services = calloc(STATES, sizeof(*l->services));
	l->data = calloc(1, IPC_DATA_MAX);
	l->large = malloc(LARGE_BYTES);
	memset(l->large, '#', LARGE_BYTES);
	assert_int_equal(ipc_links_open(&l->links, &err), 0);
	options = (struct config_compiler_options){
		.seed = 7,
		.loader = &l->links.asks[IPC_CONFIG_IO],
		.files = &l->links.answers[IPC_COMPILER],
		.state = {.endpoints = l->endpoints, .services = l->services}};
	assert_int_equal(config_compiler_new(&options, &l->config_compiler, &err), 0);
	*state = l;
	return 0;
}

static int loader_free(void **state)
{
	struct loader *l = *state;

	ipc_links_keep(&l->links, IPC_PROCESS_WORKER); /* no answer comes any more */
	config_compiler_free(l->config_compiler);
	ipc_links_close(&l->links);
	cleanup_close_fd(&l->kept_fd);
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
	bytes = serve_until(l, IPC_MESSAGE_KEEP);
	assert_true(bytes > LARGE_FILES * LARGE_BYTES);
	send_file(l, "cart", text_of(2));
	answer(l, IPC_MESSAGE_KEEP, bytes);
	serve_until(l, IPC_MESSAGE_FLIP);
	assert_int_equal(kept(l, "cart").files, 0); /* nothing, rather than a part */
	answer(l, IPC_MESSAGE_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	assert_string_equal(l->asked, "afakfp");
	assert_int_equal(kept(l, "cart").files, LARGE_FILES + 2);
	expect_kept(l, 2);
}

/* Changes that never end: a part is written after each. */
static void keeping_does_not_wait_for_ever(void **state)
{
	struct loader *l = *state;
	enum ipc_message q = IPC_MESSAGE_FLIP;
	unsigned changes = 1;
	uint64_t argument;

	send_many(l, true, 1, LARGE_FILES);
	argument = serve_until(l, IPC_MESSAGE_FLIP);
	for (; q != IPC_MESSAGE_KEPT; q = question(l, &argument)) {
		if (q == IPC_MESSAGE_FLIP)
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
	bytes = serve_until(l, IPC_MESSAGE_KEEP);
	send_many(l, false, 2, LARGE_FILES / 2);
	answer(l, IPC_MESSAGE_KEEP, bytes);
	bytes = serve_until(l, IPC_MESSAGE_KEEP);
	send_file(l, "cart", text_of(3));
	answer(l, IPC_MESSAGE_KEEP, bytes);
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
		serve_until(l, IPC_MESSAGE_FLIP);
		if (i % 100 == 1)
			expect_kept(l, last - 1);
		answer(l, IPC_MESSAGE_FLIP, l->arenas[l->spare].id);
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
	assert_int_equal(file_batch_send(batch, &l->links.asks[IPC_COMPILER]), 0);
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
	serve_until(l, IPC_MESSAGE_FLIP);
	assert_string_equal(l->asked, "f"); /* it knew which one is next */
	assert_int_equal(l->arenas[0].cells[far] ^ l->arenas[1].cells[far], 0x55);
	l->arenas[l->spare].cells[far] ^= 0x55;
	answer(l, IPC_MESSAGE_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	expect_equal_arenas(l);
}

/* One part was copied when the change comes. */
static void a_change_goes_before_the_filling_and_is_whole(void **state)
{
	struct loader *l = *state;
	uint64_t cells;

	send_services(l);
	serve_flip(l);
	cells = serve_until(l, IPC_MESSAGE_ARENA);
	send_file(l, "cart", text_of(2));
	answer(l, IPC_MESSAGE_ARENA, cells);
	serve_flip(l);
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
	serve_flip(l);
	serve_until(l, IPC_MESSAGE_ARENA);
	ipc_refuse(&l->links.answers[IPC_CONFIG_IO], &l->request, -ENOMEM, &short_of);
	serve_until_kept(l);
	memset(l->asked, 0, sizeof(l->asked));
	send_file(l, "cart", text_of(2));
	serve_until(l, IPC_MESSAGE_FLIP);
	assert_string_equal(l->asked, "af");
	answer(l, IPC_MESSAGE_FLIP, l->arenas[l->spare].id);
	serve_until_kept(l);
	expect_equal_arenas(l);
}

/* ---- a loader that stops */

#define SHORT_MS 500 /* that the compiler waits for an answer */

static void stop_for_longer(void)
{
	poll(NULL, 0, SHORT_MS * 3 / 2);
}

static struct loader *change_that_does_not_wait(void **state)
{
	struct loader *l = *state;

	l->links.asks[IPC_CONFIG_IO].wait_ms = SHORT_MS;
	send_many(l, true, 1, 0);
	return l;
}

/* The flip was done and its answer came too late: the compiler asks what is next now. */
static void a_flip_that_is_answered_late_is_made_again(void **state)
{
	struct config_compiler_status status;
	struct loader *l = change_that_does_not_wait(state);
	uint64_t arena = serve_until(l, IPC_MESSAGE_FLIP);

	stop_for_longer();
	answer(l, IPC_MESSAGE_FLIP, arena);
	serve_until_kept(l);
	assert_memory_equal(l->asked, "afaf", 4); /* and more where this test had no CPU */
	config_compiler_status_read(l->config_compiler, &status);
	assert_true(status.failed >= 1 && status.applied >= 1);
	assert_string_equal(status.failure, "");
	send_file(l, "cart", text_of(2));
	serve_until_kept(l);
	expect_kept(l, 2);
}

/* The next request that is not over: one that no caller waits for any more is not seen. */
static void what_is_over_is_not_begun(void **state)
{
	struct loader *l = change_that_does_not_wait(state);
	struct ipc *config_io = &l->links.answers[IPC_CONFIG_IO];

	assert_true(ipc_wait(config_io, WAIT_MS));
	stop_for_longer();
	assert_int_equal(ipc_receive(config_io, &l->request, l->data, IPC_DATA_MAX, NULL), -EAGAIN);
	assert_int_equal(ipc_receive(config_io, &l->request, l->data, IPC_DATA_MAX, NULL), 0);
	assert_non_null(strstr(l->data, "the loader does not answer"));
	serve_until_kept(l);
	expect_kept(l, 1);
}

/* What is kept for the next agent is not given up either. */
static void keeping_is_tried_again(void **state)
{
	struct loader *l = change_that_does_not_wait(state);

	serve_until(l, IPC_MESSAGE_KEEP);
	stop_for_longer();
	answer(l, IPC_MESSAGE_KEEP, 1 << 20);
	serve_until(l, IPC_MESSAGE_KEPT);
	stop_for_longer();
	serve_until_kept(l);
	assert_memory_equal(l->asked, "afakkp", 6);
	expect_kept(l, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loader_new, loader_free)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_change_writes_its_difference_alone),
		TEST(a_change_goes_before_the_filling_and_is_whole),
		TEST(a_change_does_not_need_the_filling),
		TEST(a_change_does_not_wait_for_keeping),
		TEST(keeping_does_not_wait_for_ever),
		TEST(keeping_begins_again_once),
		TEST(a_change_costs_what_its_files_do),
		TEST(what_is_removed_is_not_kept),
		TEST(a_flip_that_is_answered_late_is_made_again),
		TEST(what_is_over_is_not_begun),
		TEST(keeping_is_tried_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
