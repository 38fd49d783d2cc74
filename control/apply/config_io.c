// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A thread of its own: the loader blocks for some time whenever it attaches something. */
#include "control/apply/config_io.h"

#include "control/apply/file_batch.h"
#include "control/apply/last_good.h"
#include "control/apply/resolve.h"
#include "control/source/directory.h"
#include "control/source/passed_over.h"

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/loop.h"
#include "base/schedule.h"
#include "base/utf8.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/core/kept.h"
#include "datapath/attach/mesh/mesh_maps.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <time.h>

/* Work for the loader's own thread. */
#define TODO_END_CONNECTIONS 1u
#define TODO_ACCELERATE	     2u
#define TODO_TAKE_OVER	     4u
#define TODO_TELL	     8u

#define SAY_MAX_BYTES	 1000
#define SAY_MAX_A_SECOND 50

#define SLICE_NS 1000000 /* a change is short work with a deadline */

/* A request that is answered later, unless there is another compiler then. */
struct later {
	struct ipc_request request; /* number 0: none */
	void *data;
};

struct config_io {
	struct config_io_options options;
	pthread_t thread;
	bool runs;
	int stop_fd; /* readable: the thread ends */
	_Atomic unsigned todo;
	int todo_fd;	       /* readable when there is work */
	pthread_mutex_t mutex; /* of all below */
	struct directory *directory;
	struct mesh_maps *maps;
	struct ipc *requests; /* by the compiler; NULL: there is none now */
	struct ipc *compiler; /* gets files */
	int epoll_fd;
	int kept_fd; /* written by the compiler, pinned when complete; -1: none */
	bool kept;   /* and it is */
	bool settled;
	struct passed_over passed;
	bool behind;		       /* the compiler did not get a change of files */
	bool names_unsent;	       /* the compiler did not get a change of names */
	struct later flip, accelerate; /* requests that the loader's own thread answers */
	uint64_t said_s;	       /* second of the latest log lines, */
	unsigned said;		       /* and their number in it */
	struct resolve_name *names;    /* the latest request, and the result */
	size_t name_count;
	char data[IPC_DATA_MAX] __attribute__((aligned(8))); /* of a request */
};

static int start(struct config_io *f, struct error *err)
{
	int r = directory_new(f->options.path, &f->directory, err);

	r = r ? r : mesh_maps_new(f->options.attach, &f->maps, err);
	if (r)
		return r;
	f->epoll_fd = loop_new();
	f->stop_fd = eventfd(0, EFD_CLOEXEC);
	f->todo_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (f->epoll_fd < 0 || f->stop_fd < 0 || f->todo_fd < 0 ||
	    loop_watch(f->epoll_fd, f->stop_fd) ||
	    loop_watch(f->epoll_fd, directory_fd(f->directory)))
		return error_set(err, -errno, "cannot make an epoll descriptor: %s",
				 strerror(errno));
	return 0;
}

int config_io_new(const struct config_io_options *options, struct config_io **ret,
		  struct error *err)
{
	struct config_io *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return error_set(err, -ENOMEM, "no memory");
	f->options = *options;
	f->epoll_fd = f->stop_fd = f->todo_fd = f->kept_fd = -1;
	pthread_mutex_init(&f->mutex, NULL);
	r = start(f, err);
	if (r)
		config_io_free(f);
	else
		*ret = f;
	return r;
}

void config_io_free(struct config_io *f)
{
	if (!f)
		return;
	if (f->runs) {
		eventfd_write(f->stop_fd, 1);
		pthread_join(f->thread, NULL);
	}
	directory_free(f->directory);
	mesh_maps_free(f->maps);
	free(f->names);
	free(f->accelerate.data);
	cleanup_close_fd(&f->epoll_fd);
	cleanup_close_fd(&f->stop_fd);
	cleanup_close_fd(&f->todo_fd);
	cleanup_close_fd(&f->kept_fd);
	pthread_mutex_destroy(&f->mutex);
	free(f);
}

int config_io_fd(const struct config_io *f)
{
	return f->todo_fd;
}

/* ---- files */

static void add_change(void *arg, const struct directory_change *change)
{
	struct fed_file file = {change->name, change->bytes, change->removed, change->problem};

	file_batch_add(arg, &file);
}

/* If a change cannot be sent, all files are sent later. */
static void fall_behind(struct config_io *f, int r)
{
	char text[160];

	f->behind = true;
	snprintf(text, sizeof(text),
		 "changed files cannot be handed to the compiler now: %s; it is tried again",
		 strerror(-r));
	if (f->compiler)
		file_batch_late(f->compiler, text);
}

/* Returns whether the compiler got it. */
static bool send(struct config_io *f, struct file_batch *batch)
{
	const char *problem = directory_problem(f->directory);
	int r = 0;

	if (problem)
		file_batch_problem(batch, problem);
	else
		file_batch_no_problem(batch);
	if (f->compiler)
		r = file_batch_send(batch, f->compiler);
	else
		file_batch_free(batch);
	if (r && r != -EPIPE)
		fall_behind(f, r);
	return !r;
}

static void handle_directory(struct config_io *f)
{
	struct file_batch *batch = file_batch_new(false);

	if (!batch)
		return; /* the events stay queued */
	if (directory_handle(f->directory, add_change, batch))
		send(f, batch);
	else
		file_batch_free(batch);
}

static void send_snapshot(struct config_io *f)
{
	struct file_batch *batch = file_batch_new(true);

	f->behind = false;
	if (!batch) {
		fall_behind(f, -ENOMEM);
		return;
	}
	directory_visit_all(f->directory, add_change, batch);
	send(f, batch);
}

static void connect_compiler(struct config_io *f, struct ipc_links *links)
{
	f->requests = links ? &links->answers[IPC_CONFIG_IO] : NULL;
	f->compiler = links ? &links->asks[IPC_COMPILER] : NULL;
	f->flip.request.number = f->accelerate.request.number = 0;
	cleanup_close_fd(&f->kept_fd); /* pins stay */
	f->kept_fd = -1;
	f->kept = false;
	if (!links)
		return;
	loop_watch(f->epoll_fd, f->requests->fd); /* the former one was removed by its close */
	if (f->options.pin_dir)
		last_good_send(f->options.pin_dir, f->compiler);
	send_snapshot(f);
}

/* ---- names */

static void names_keep(struct config_io *f, const struct resolve_name *names, size_t count)
{
	free(f->names);
	f->name_count = 0;
	f->names = count ? malloc(count * sizeof(*names)) : NULL;
	if (!f->names)
		return;
	memcpy(f->names, names, count * sizeof(*names));
	f->name_count = count;
}

static void look_at_names(struct config_io *f)
{
	struct file_batch *batch;

	if (!f->compiler || !f->name_count)
		return;
	for (size_t i = 0; i < f->name_count; i++)
		f->names[i].before = f->names[i].id;
	if (resolve_names(f->options.cgroup_root, f->names, f->name_count))
		return;
	for (size_t i = 0; i < f->name_count; i++)
		f->names_unsent |= f->names[i].id != f->names[i].before;
	batch = f->names_unsent ? file_batch_new(false) : NULL;
	if (!batch)
		return;
	file_batch_names(batch);
	f->names_unsent = !send(f, batch);
}

/* ---- requests */

static void leave_to_loader(struct config_io *f, unsigned todo)
{
	f->todo |= todo;
	eventfd_write(f->todo_fd, 1);
}

static void answer_with(struct config_io *f, const struct ipc_request *request, int r,
			const struct error *err, const void *data, size_t bytes, int fd)
{
	if (r)
		ipc_refuse(f->requests, request, r, err);
	else
		ipc_answer(f->requests, request, data, bytes, fd);
}

static void answer_done(struct config_io *f, const struct ipc_request *request, int r,
			const struct error *err)
{
	answer_with(f, request, r, err, NULL, 0, -1);
}

static uint64_t requested_number(const struct config_io *f)
{
	uint64_t number;

	memcpy(&number, f->data, sizeof(number));
	return number;
}

static void answer_arena(struct config_io *f, const struct ipc_request *request)
{
	uint64_t cells = requested_number(f);
	struct mesh_arena arena = {.fd = -1};
	struct error err = {0};
	int r = cells > UINT32_MAX ? error_set(&err, -E2BIG, "more cells than an arena can have")
				   : mesh_maps_arena_get(f->maps, (uint32_t)cells, &arena, &err);

	answer_with(f, request, r, &err, &(struct ipc_arena){arena.id, arena.count},
		    sizeof(struct ipc_arena), arena.fd);
}

/* Answers first: the compiler waits for it and reports when the generation came into force. If an
 * earlier build's mesh is in force, answers after its hooks were taken over. */
static void answer_flip(struct config_io *f, const struct ipc_request *request)
{
	uint64_t arena = requested_number(f);
	const struct weft_mesh_header *live;
	struct mesh_arena spare = {0};
	struct error err = {0};
	int r = mesh_maps_arena_get(f->maps, 0, &spare, &err);

	if (!r && spare.id != arena)
		r = error_set(&err, -ESTALE, "the mesh was written into memory that is not next");
	f->kept = false;
	if (!r && f->options.pin_dir)
		kept_remove(f->options.pin_dir); /* will be older than the generation in force */
	r = r ? r : mesh_maps_flip(f->maps, &err);
	live = mesh_maps_live(f->maps);
	if (!r && attach_waits(f->options.attach)) {
		f->flip.request = *request;
		leave_to_loader(f, TODO_TAKE_OVER);
	} else {
		answer_done(f, request, r, &err);
	}
	if (!r)
		leave_to_loader(f, live && live->flags & WEFT_MESH_ENDS ? TODO_END_CONNECTIONS
									: TODO_TELL);
}

static void answer_names(struct config_io *f, const struct ipc_request *request)
{
	struct resolve_name *names = (struct resolve_name *)f->data;
	size_t count = request->bytes / sizeof(*names);
	int r = resolve_names(f->options.cgroup_root, names, count);
	struct error err = {0};

	if (r)
		error_set(&err, r, "cannot look for control groups: %s", strerror(-r));
	else
		names_keep(f, names, count);
	answer_with(f, request, r, &err, names, request->bytes, -1);
}

static void take_accelerate(struct config_io *f, const struct ipc_request *request)
{
	void *keys = malloc(request->bytes + 1);

	if (!keys) {
		ipc_refuse(f->requests, request, -ENOMEM, NULL);
		return;
	}
	free(f->accelerate.data);
	f->accelerate = (struct later){*request, memcpy(keys, f->data, request->bytes)};
	leave_to_loader(f, TODO_ACCELERATE);
}

static void answer_keep(struct config_io *f, const struct ipc_request *request)
{
	struct error err = {0};
	int r = f->options.pin_dir ? 0 : -ENOENT;

	cleanup_close_fd(&f->kept_fd);
	f->kept = false;
	f->kept_fd = r ? -1 : kept_make(requested_number(f));
	r = r ? r : f->kept_fd < 0 ? f->kept_fd : 0;
	if (r)
		error_set(&err, r, "cannot keep the files: %s", strerror(-r));
	answer_with(f, request, r, &err, NULL, 0, f->kept_fd);
}

static void answer_kept(struct config_io *f, const struct ipc_request *request)
{
	struct error err = {0};
	int r = f->kept_fd < 0 ? -EINVAL : kept_pin(f->options.pin_dir, f->kept_fd);

	if (r)
		error_set(&err, r, "cannot keep the files: %s", strerror(-r));
	f->kept = !r;
	answer_done(f, request, r, &err);
}

/* Writes one line without terminal control characters. */
static void say_clean(struct config_io *f, char *line)
{
	for (size_t i = 0, n, left = strlen(line); i < left; i += n ? n : 1) {
		n = utf8_safe(line + i, left - i);
		if (!n)
			line[i] = '?';
	}
	f->options.say(line);
}

static void look_at_folders(struct config_io *f)
{
	char line[SAY_MAX_BYTES], text[400];

	if (!passed_over_look(&f->passed, f->options.path))
		return;
	passed_over_text(&f->passed, text, sizeof(text));
	for (char *quote = strchr(text, '"'); quote; quote = strchr(quote, '"'))
		*quote = '\'';
	snprintf(line, sizeof(line),
		 "event=config_passed_over directory=\"%.400s\" code=" PASSED_OVER_CODE
		 " reason=\"%s\"",
		 f->options.path, text);
	say_clean(f, line);
}

/* The compiler is not trusted with the log: its lines per second are limited. */
static void take_line(struct config_io *f, const struct ipc_request *request)
{
	uint64_t now_s = (uint64_t)time(NULL);

	if (now_s != f->said_s)
		f->said = 0;
	f->said_s = now_s;
	f->data[request->bytes] = 0;
	if (f->said++ < SAY_MAX_A_SECOND)
		say_clean(f, f->data);
}

static void take_again(struct config_io *f, const struct ipc_request *request)
{
	(void)request;
	f->behind = true;
}

static void take_settled(struct config_io *f, const struct ipc_request *request)
{
	(void)request;
	f->settled = true;
	leave_to_loader(f, TODO_TELL);
}

typedef void (*handler)(struct config_io *f, const struct ipc_request *request);

static const handler HANDLERS[IPC_MESSAGE_COUNT] = {
	[IPC_MESSAGE_ARENA] = answer_arena,   [IPC_MESSAGE_FLIP] = answer_flip,
	[IPC_MESSAGE_RESOLVE] = answer_names, [IPC_MESSAGE_ACCELERATE] = take_accelerate,
	[IPC_MESSAGE_KEEP] = answer_keep,     [IPC_MESSAGE_KEPT] = answer_kept,
	[IPC_MESSAGE_AGAIN] = take_again,     [IPC_MESSAGE_SETTLED] = take_settled,
	[IPC_MESSAGE_SAY] = take_line,
};

static void handle_requests(struct config_io *f)
{
	struct ipc_request request;
	int r = ipc_receive(f->requests, &request, f->data, sizeof(f->data) - 1, NULL);

	if (!r)
		HANDLERS[request.message](f, &request);
	else if (r != -EAGAIN) /* the compiler is gone: the next one connects */
		epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, f->requests->fd, NULL);
}

/* ---- the thread */

static void handle(struct config_io *f, int fd)
{
	pthread_mutex_lock(&f->mutex);
	if (fd == directory_fd(f->directory))
		handle_directory(f);
	else if (f->requests && fd == f->requests->fd)
		handle_requests(f);
	pthread_mutex_unlock(&f->mutex);
}

static void *run(void *arg)
{
	struct config_io *f = arg;
	struct epoll_event event;

	prctl(PR_SET_NAME, "weft-config-io");
	schedule_thread(SCHED_OTHER, SLICE_NS);
	for (;;) {
		if (epoll_wait(f->epoll_fd, &event, 1, -1) != 1)
			continue; /* a signal */
		if (event.data.fd == f->stop_fd)
			return NULL;
		handle(f, event.data.fd);
	}
}

/* ---- the loader's own thread */

void config_io_connect(struct config_io *f, struct ipc_links *links)
{
	pthread_mutex_lock(&f->mutex);
	connect_compiler(f, links);
	pthread_mutex_unlock(&f->mutex);
	if (!f->runs)
		f->runs = !pthread_create(&f->thread, NULL, run, f);
}

struct mesh_lent config_io_lend(struct config_io *f)
{
	struct mesh_lent lent;

	pthread_mutex_lock(&f->mutex);
	lent = mesh_maps_lend(f->maps);
	pthread_mutex_unlock(&f->mutex);
	return lent;
}

void config_io_tick(struct config_io *f)
{
	pthread_mutex_lock(&f->mutex);
	directory_look(f->directory);
	if (f->behind && f->compiler && descriptors_spare())
		send_snapshot(f);
	look_at_names(f);
	look_at_folders(f);
	pthread_mutex_unlock(&f->mutex);
}

void config_io_repin(struct config_io *f, struct repin *r)
{
	pthread_mutex_lock(&f->mutex);
	mesh_maps_repin(f->maps, r);
	if (f->kept)
		kept_repin(f->options.pin_dir, f->kept_fd, r);
	pthread_mutex_unlock(&f->mutex);
}

int config_io_simulate(struct config_io *f, struct weft_simulation *simulation)
{
	int r;

	pthread_mutex_lock(&f->mutex);
	r = mesh_maps_simulate(f->maps, simulation);
	pthread_mutex_unlock(&f->mutex);
	return r;
}

enum config_io_state config_io_state(struct config_io *f)
{
	enum config_io_state state = CONFIG_IO_READS;

	pthread_mutex_lock(&f->mutex);
	if (f->settled)
		state = mesh_maps_live(f->maps) && !attach_waits(f->options.attach)
				? CONFIG_IO_IN_FORCE
				: CONFIG_IO_NOTHING;
	pthread_mutex_unlock(&f->mutex);
	return state;
}

int config_io_explain(struct config_io *f, struct weft_explanation *explanation)
{
	int r;

	pthread_mutex_lock(&f->mutex);
	r = mesh_maps_explain(f->maps, explanation);
	pthread_mutex_unlock(&f->mutex);
	return r;
}

static struct later later_take(struct config_io *f, struct later *later)
{
	struct later taken;

	pthread_mutex_lock(&f->mutex);
	taken = *later;
	*later = (struct later){0};
	pthread_mutex_unlock(&f->mutex);
	return taken;
}

/* |f->requests| changes in this thread only. */
static void answer_later(struct config_io *f, const struct later *later, int r,
			 const struct error *err)
{
	if (f->requests)
		answer_done(f, &later->request, r, err);
}

static void answer_accelerate(struct config_io *f)
{
	struct later keys = later_take(f, &f->accelerate);
	struct error err = {0};
	size_t count = keys.request.bytes / sizeof(struct weft_accel_key);

	if (keys.request.number)
		answer_later(f, &keys,
			     f->options.accelerate(f->options.arg, keys.data, count, &err), &err);
	free(keys.data);
}

static void answer_take_over(struct config_io *f)
{
	struct later flip = later_take(f, &f->flip);
	struct error err = {0};

	answer_later(f, &flip, f->options.take_over(f->options.arg, &err), &err);
}

void config_io_handle(struct config_io *f)
{
	eventfd_t count;
	unsigned todo;

	if (eventfd_read(f->todo_fd, &count))
		return;
	todo = atomic_exchange(&f->todo, 0);
	if (todo & TODO_TAKE_OVER)
		answer_take_over(f);
	if (todo & TODO_END_CONNECTIONS)
		f->options.end_connections(f->options.arg);
	if (todo & TODO_ACCELERATE)
		answer_accelerate(f);
}
