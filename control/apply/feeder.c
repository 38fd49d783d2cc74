// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Hands on what a directory has, answers what the planner asks. */
#include "control/apply/feeder.h"

#include "control/apply/resolve.h"
#include "control/source/directory.h"

#include "base/cleanup.h"
#include "datapath/attach/mesh_maps.h"

#include <errno.h>
#include <sys/epoll.h>

struct feeder {
	struct feeder_options options;
	struct directory *directory;
	struct mesh_maps *maps;
	struct channel *channel; /* NULL: no planner now */
	int epoll_fd;
	struct resolve_name *names; /* asked for last, and what they meant */
	size_t name_count;
	char data[CHANNEL_DATA_MAX] __attribute__((aligned(8))); /* of a question */
};

static int watch(struct feeder *f, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(f->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int start(struct feeder *f, struct error *err)
{
	int r = directory_new(f->options.path, &f->directory, err);

	r = r ? r : mesh_maps_new(f->options.attach, &f->maps, err);
	if (r)
		return r;
	f->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (f->epoll_fd < 0 || watch(f, directory_fd(f->directory)))
		return error_set(err, -errno, "cannot make an epoll descriptor: %s",
				 strerror(errno));
	return 0;
}

int feeder_new(const struct feeder_options *options, struct feeder **ret, struct error *err)
{
	struct feeder *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return error_set(err, -ENOMEM, "no memory");
	f->options = *options;
	f->epoll_fd = -1;
	r = start(f, err);
	if (r)
		feeder_free(f);
	else
		*ret = f;
	return r;
}

void feeder_free(struct feeder *f)
{
	if (!f)
		return;
	directory_free(f->directory);
	mesh_maps_free(f->maps);
	free(f->names);
	if (f->epoll_fd >= 0)
		close(f->epoll_fd);
	free(f);
}

int feeder_fd(const struct feeder *f)
{
	return f->epoll_fd;
}

/* ---- files */

static void add_change(void *arg, const struct directory_change *change)
{
	struct fed_file file = {change->name, change->bytes, change->removed, change->problem};

	file_batch_add(arg, &file);
}

static void send(struct feeder *f, struct file_batch *batch)
{
	const char *problem = directory_problem(f->directory);

	if (problem)
		file_batch_problem(batch, problem);
	if (f->channel)
		file_batch_send(batch, f->channel);
	else
		file_batch_free(batch);
}

static void handle_directory(struct feeder *f)
{
	struct file_batch *batch = file_batch_new(false);

	if (!batch)
		return; /* the events are still there */
	if (directory_handle(f->directory, add_change, batch))
		send(f, batch);
	else
		file_batch_free(batch);
}

void feeder_connect(struct feeder *f, struct channel *channel)
{
	struct file_batch *batch;

	f->channel = channel;
	if (!channel)
		return;
	watch(f, channel->serve_fd); /* the one before was closed, and is out by that */
	batch = file_batch_new(true);
	if (!batch)
		return;
	directory_visit_all(f->directory, add_change, batch);
	send(f, batch);
}

/* ---- names */

static void names_keep(struct feeder *f, const struct resolve_name *names, size_t count)
{
	free(f->names);
	f->name_count = 0;
	f->names = count ? malloc(count * sizeof(*names)) : NULL;
	if (!f->names)
		return;
	memcpy(f->names, names, count * sizeof(*names));
	f->name_count = count;
}

void feeder_tick(struct feeder *f)
{
	struct file_batch *batch;
	bool changed = false;

	if (!f->channel || !f->name_count)
		return;
	for (size_t i = 0; i < f->name_count; i++)
		f->names[i].before = f->names[i].id;
	resolve_names(f->options.cgroup_root, f->names, f->name_count);
	for (size_t i = 0; i < f->name_count; i++)
		changed |= f->names[i].id != f->names[i].before;
	batch = changed ? file_batch_new(false) : NULL;
	if (!batch)
		return;
	file_batch_names(batch);
	send(f, batch);
}

/* ---- questions */

static void answer_arena(struct feeder *f, uint64_t cells)
{
	struct mesh_arena arena = {.fd = -1};
	struct error err = {0};
	int r = cells > UINT32_MAX ? error_set(&err, -E2BIG, "more cells than an arena can have")
				   : mesh_maps_arena_get(f->maps, (uint32_t)cells, &arena, &err);

	channel_answer(f->channel, r, (uint64_t)arena.id << 32 | arena.count, arena.fd, &err);
}

/* The answer goes first: whoever waits for it tells when the generation came into force. */
static void answer_flip(struct feeder *f)
{
	struct error err = {0};
	int r = mesh_maps_flip(f->maps, &err);
	const struct weft_mesh_header *live = mesh_maps_live(f->maps);

	channel_answer(f->channel, r, 0, -1, &err);
	if (!r && live && live->flags & WEFT_MESH_ENDS)
		f->options.end_connections(f->options.arg);
}

static void answer_names(struct feeder *f, size_t bytes)
{
	struct resolve_name *names = (struct resolve_name *)f->data;
	size_t count = bytes / sizeof(*names);

	resolve_names(f->options.cgroup_root, names, count);
	names_keep(f, names, count);
	channel_answer_data(f->channel, names, count * sizeof(*names));
}

static void answer_accelerate(struct feeder *f, size_t bytes)
{
	const struct weft_accel_key *keys = (const struct weft_accel_key *)f->data;
	struct error err = {0};
	int r = f->options.accelerate(f->options.arg, keys, bytes / sizeof(*keys), &err);

	channel_answer(f->channel, r, 0, -1, &err);
}

static void answer(struct feeder *f, enum channel_question question, uint64_t argument,
		   size_t bytes)
{
	struct error err = {0};

	switch (question) {
	case CHANNEL_ARENA:
		answer_arena(f, argument);
		break;
	case CHANNEL_FLIP:
		answer_flip(f);
		break;
	case CHANNEL_CLEAR:
		channel_answer(f->channel, mesh_maps_clear(f->maps), 0, -1, &err);
		break;
	case CHANNEL_RESOLVE:
		answer_names(f, bytes);
		break;
	case CHANNEL_ACCELERATE:
		answer_accelerate(f, bytes);
		break;
	}
}

static void handle_questions(struct feeder *f)
{
	enum channel_question question;
	uint64_t argument;
	size_t bytes;
	int r = channel_question_read(f->channel, &question, &argument, f->data, &bytes);

	if (!r)
		answer(f, question, argument, bytes);
	else if (r != -EAGAIN) /* the planner is gone: the next one connects */
		epoll_ctl(f->epoll_fd, EPOLL_CTL_DEL, f->channel->serve_fd, NULL);
}

void feeder_handle(struct feeder *f)
{
	struct epoll_event events[2];
	int n = epoll_wait(f->epoll_fd, events, 2, 0);

	for (int i = 0; i < n; i++) {
		if (events[i].data.fd == directory_fd(f->directory))
			handle_directory(f);
		else if (f->channel)
			handle_questions(f);
	}
}

int feeder_simulate(struct feeder *f, struct weft_simulation *simulation)
{
	return mesh_maps_simulate(f->maps, simulation);
}
