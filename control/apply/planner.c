// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A loop over batches of files: parse, check, compile, write, flip, tell. */
#include "control/apply/planner.h"

#include "control/apply/writer.h"

#include "base/cleanup.h"
#include "base/schedule.h"
#include "mesh-config/source.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define KEPT		8	    /* generations whose records may still be on their way */
#define SLICE_NS	1000000	    /* a change is short work that somebody waits for */
#define FILES_MAX_BYTES (16u << 20) /* of files that are not in force any more */

/* A file that cannot be read: nothing is applied before that is mended. */
struct unreadable {
	char *name;
	char *problem;
	struct unreadable *next;
};

struct planner {
	struct planner_options options;
	pthread_t thread;
	bool runs;
	int event_fd;
	/* the thread's own */
	struct mesh_source *source;
	struct unreadable *unreadable;
	struct writer *writer;
	/* shared */
	pthread_mutex_t mutex;
	struct planner_status status;
	struct generation *kept[KEPT];	/* the latest first */
	struct mesh_files *files[KEPT]; /* of each; NULL: not kept */
};

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static void tell(struct planner *p)
{
	eventfd_write(p->event_fd, 1);
}

/* ---- files */

static void unreadable_drop(struct planner *p, const char *name)
{
	for (struct unreadable **at = &p->unreadable; *at; at = &(*at)->next) {
		struct unreadable *u = *at;

		if (strcmp(u->name, name) != 0)
			continue;
		*at = u->next;
		free(u->name);
		free(u->problem);
		free(u);
		return;
	}
}

static void unreadable_add(struct planner *p, const char *name, const char *problem)
{
	struct unreadable *u = calloc(1, sizeof(*u));

	if (!u)
		return;
	u->name = strdup(name);
	u->problem = strdup(problem);
	u->next = p->unreadable;
	p->unreadable = u;
}

static void take_file(void *arg, const struct fed_file *file)
{
	struct planner *p = arg;
	int r = 0;

	unreadable_drop(p, file->name);
	if (file->removed)
		mesh_source_remove(p->source, file->name);
	else if (!file->problem)
		r = mesh_source_put(p->source, file->name, file->bytes);
	if (file->problem || r)
		unreadable_add(p, file->name, file->problem ? file->problem : strerror(-r));
}

/* ---- what became of it */

static void fail(struct planner *p, const char *text)
{
	struct planner_status *s = &p->status;

	s->failed++;
	s->failure_s = (uint64_t)time(NULL);
	snprintf(s->failure, sizeof(s->failure), "%s", text);
}

static void problem_text(const struct problem *problem, char *out, size_t size)
{
	int n = 0;

	if (problem->file[0])
		n = snprintf(out, size, "%s:%u:%u: ", problem->file, problem->line,
			     problem->column);
	if (n >= 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, "%s %s: %s%s%s",
			 problem->severity == PROBLEM_ERROR ? "error" : "warning", problem->code,
			 problem->text, problem->hint[0] ? "; " : "", problem->hint);
}

/* Errors first: there is room for few. */
static void keep_problems(struct planner_status *s, const struct problems *problems)
{
	s->errors = problems->errors;
	s->warnings = problems->warnings;
	s->problem_count = 0;
	for (int severity = PROBLEM_ERROR; severity >= PROBLEM_WARNING; severity--)
		for (uint32_t i = 0; i < problems->count; i++)
			if (problems->items[i].severity == (enum problem_severity)severity &&
			    s->problem_count < PLANNER_PROBLEMS)
				problem_text(&problems->items[i], s->problems[s->problem_count++],
					     sizeof(s->problems[0]));
}

/* Lets go of the files of old generations from where they are too many bytes. */
static void bound_files(struct planner *p)
{
	uint64_t bytes = 0;

	for (unsigned i = 1; i < KEPT && p->files[i]; i++) {
		if (bytes <= FILES_MAX_BYTES && p->files[i - 1])
			bytes += mesh_files_unshared(p->files[i], p->files[i - 1]);
		else
			bytes = UINT64_MAX;
		if (bytes <= FILES_MAX_BYTES)
			continue;
		mesh_files_put(p->files[i]);
		p->files[i] = NULL;
	}
}

/* |files| may be NULL: memory was short. Returns the generation that is kept no longer; to end it
 * takes time. */
static struct generation *keep_generation(struct planner *p, struct generation *g,
					  struct mesh_files *files)
{
	struct generation *oldest = p->kept[KEPT - 1];

	memmove(p->kept + 1, p->kept, sizeof(p->kept) - sizeof(p->kept[0]));
	p->kept[0] = g;
	mesh_files_put(p->files[KEPT - 1]);
	memmove(p->files + 1, p->files, sizeof(p->files) - sizeof(p->files[0]));
	p->files[0] = files;
	bound_files(p);
	return oldest;
}

/* Other texts that mean the same: the ones before need not be kept. */
static void keep_files(struct planner *p, struct mesh_files *files)
{
	mesh_files_put(p->files[0]);
	p->files[0] = files;
}

/* ---- one attempt */

static void say_failed(struct planner *p, const struct problems *problems, const char *text)
{
	pthread_mutex_lock(&p->mutex);
	keep_problems(&p->status, problems);
	fail(p, problems->errors && p->status.problem_count ? p->status.problems[0] : text);
	p->status.settled = true;
	pthread_mutex_unlock(&p->mutex);
}

static void say_applied(struct planner *p, const struct problems *problems, struct generation *g,
			const struct writer_result *written, uint32_t plan_us)
{
	struct planner_status *s = &p->status;
	struct mesh_files *files = mesh_source_files(p->source);
	struct generation *oldest;

	pthread_mutex_lock(&p->mutex);
	keep_problems(s, problems);
	oldest = keep_generation(p, g, files);
	s->settled = true;
	s->number = g->number;
	s->hash = g->mesh->hash;
	s->applied++;
	s->success_s = (uint64_t)time(NULL);
	s->plan_us = plan_us;
	s->apply_us = written->apply_us;
	s->cells = written->cells;
	memcpy(s->acceleration, written->acceleration, sizeof(s->acceleration));
	s->failure[0] = 0;
	pthread_mutex_unlock(&p->mutex);
	generation_put(oldest);
}

/* Puts |mesh|, which it takes over, in force. */
static void apply(struct planner *p, struct mesh *mesh, struct problems *problems,
		  uint64_t began_us)
{
	struct writer_result written;
	struct error err = {0};
	struct generation *g;

	if (writer_write(p->writer, mesh, &g, &written, &err)) {
		say_failed(p, problems, err.text);
		return;
	}
	say_applied(p, problems, g, &written, (uint32_t)(now_us() - began_us) - written.apply_us);
}

static void attempt(struct planner *p, const struct batch_news *news, uint64_t began_us)
{
	const struct unreadable *u = p->unreadable;
	struct problems problems = {0};
	struct mesh *mesh = NULL;
	char text[320];
	int r;

	r = mesh_source_build(p->source, &mesh, &problems);
	if (u) {
		snprintf(text, sizeof(text), "%s: error E1009: cannot be read: %s; %s",
			 u->name[0] ? u->name : "the directory", u->problem,
			 "mend it, split it or take it away");
		mesh_free(mesh);
		say_failed(p, &problems, text);
	} else if (r) {
		say_failed(p, &problems, strerror(-r));
	} else if (p->status.number && p->status.hash == mesh->hash && !news->names) {
		struct mesh_files *files = mesh_source_files(p->source);

		mesh_free(mesh); /* written anew, means the same */
		pthread_mutex_lock(&p->mutex);
		keep_files(p, files);
		keep_problems(&p->status, &problems);
		p->status.failure[0] = 0;
		pthread_mutex_unlock(&p->mutex);
	} else {
		apply(p, mesh, &problems, began_us);
	}
	problems_free(&problems);
	tell(p);
}

/* ---- the thread */

static void *run(void *arg)
{
	struct planner *p = arg;
	struct error err = {0};
	struct batch_news news = {0};
	uint64_t began_us;
	int r;

	prctl(PR_SET_NAME, "weft-planner");
	schedule_thread(SCHED_OTHER, SLICE_NS); /* unlike the worker, which lets others go first */
	if (p->options.confine && p->options.confine(&err)) {
		say_failed(p, &(struct problems){0}, err.text);
		tell(p);
		return NULL;
	}
	while (file_batch_receive(p->options.channel, -1, &news, take_file, p) == 1) {
		began_us = now_us();
		do {
			r = file_batch_receive(p->options.channel, 0, &news, take_file, p);
		} while (r == 1);
		attempt(p, &news, began_us);
		news = (struct batch_news){0};
	}
	return NULL;
}

static int start(struct planner *p, struct error *err)
{
	struct writer_options options = {
		.seed = p->options.seed,
		.channel = p->options.channel,
		.endpoints = p->options.endpoints,
		.services = p->options.services,
		.live = p->options.live,
	};
	int r = writer_new(&options, &p->writer, err);

	if (r)
		return r;
	p->source = mesh_source_new();
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!p->source || p->event_fd < 0)
		return error_set(err, -ENOMEM, "no memory for the mesh");
	r = -pthread_create(&p->thread, NULL, run, p);
	p->runs = !r;
	return r ? error_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

int planner_new(const struct planner_options *options, struct planner **ret, struct error *err)
{
	struct planner *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return error_set(err, -ENOMEM, "no memory");
	p->options = *options;
	p->event_fd = -1;
	pthread_mutex_init(&p->mutex, NULL);
	r = start(p, err);
	if (r)
		planner_free(p);
	else
		*ret = p;
	return r;
}

void planner_free(struct planner *p)
{
	if (!p)
		return;
	if (p->runs) {
		shutdown(p->options.channel->files_fd, SHUT_RDWR);
		pthread_join(p->thread, NULL);
	}
	for (unsigned i = 0; i < KEPT; i++) {
		generation_put(p->kept[i]);
		mesh_files_put(p->files[i]);
	}
	while (p->unreadable)
		unreadable_drop(p, p->unreadable->name);
	writer_free(p->writer);
	mesh_source_free(p->source);
	if (p->event_fd >= 0)
		close(p->event_fd);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

int planner_fd(const struct planner *p)
{
	return p->event_fd;
}

void planner_acknowledge(struct planner *p)
{
	eventfd_t count;

	eventfd_read(p->event_fd, &count);
}

struct generation *planner_latest(struct planner *p)
{
	return planner_generation(p, 0);
}

struct generation *planner_generation(struct planner *p, uint64_t number)
{
	struct generation *found = NULL;

	pthread_mutex_lock(&p->mutex);
	for (unsigned i = 0; i < KEPT && p->kept[i] && !found; i++)
		if (!number || p->kept[i]->number == number)
			found = generation_get(p->kept[i]);
	pthread_mutex_unlock(&p->mutex);
	return found;
}

int planner_files_read(struct planner *p, uint64_t number, struct planner_files *ret)
{
	int r = -ENOENT;

	pthread_mutex_lock(&p->mutex);
	for (unsigned i = 0; i < KEPT && p->kept[i] && r; i++) {
		if (number && p->kept[i]->number != number)
			continue;
		if (!p->files[i])
			break;
		*ret = (struct planner_files){p->kept[i]->number, p->kept[i]->mesh->hash,
					      mesh_files_get(p->files[i])};
		r = 0;
	}
	pthread_mutex_unlock(&p->mutex);
	return r;
}

void planner_status_read(struct planner *p, struct planner_status *ret)
{
	pthread_mutex_lock(&p->mutex);
	*ret = p->status;
	pthread_mutex_unlock(&p->mutex);
}
