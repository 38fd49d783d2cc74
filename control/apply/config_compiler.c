// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A loop over batches of files: parse, check, compile, write, flip, report. */
#include "control/apply/config_compiler.h"

#include "control/apply/last_good.h"
#include "control/apply/report.h"
#include "control/source/unreadable.h"
#include "control/apply/writer.h"
#include "control/source/directory.h"

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/process.h"
#include "base/schedule.h"
#include "mesh-config/resolve/source.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define KEPT		8	    /* generations whose records may still arrive */
#define SLICE_NS	1000000	    /* a change is short work with a deadline */
#define FILES_MAX_BYTES (16u << 20) /* of files of former generations */
#define RETRY_US	1000000	    /* after a shortage, or without an answer of the loader */

struct config_compiler {
	struct config_compiler_options options;
	pthread_t thread;
	bool runs;
	int event_fd;
	/* the thread's own */
	struct mesh_source *source;
	struct mesh_source *last_good; /* an earlier agent's, until the directory's is in force */
	struct batch_news news;
	uint64_t attempt_us;	       /* when the latest attempt began */
	bool began;		       /* all files of the directory have come once */
	bool settled;		       /* and the loader knows that they were dealt with */
	bool fresh;		       /* |source| has only what came since a full snapshot began */
	struct last_good *keeper;      /* of what is in force */
	bool prepares;		       /* there is something to do before the next change */
	bool unfinished;	       /* what is in force is to be written again */
	uint64_t retry_due_us;	       /* 0: the latest attempt is not made again */
	uint64_t prepare_due_us;       /* 0: what may wait does not wait for the loader */
	struct unreadable *unreadable; /* nothing is applied while there are any */
	struct writer *writer;
	struct report report;
	/* shared */
	pthread_mutex_t mutex;
	struct config_compiler_status status;
	struct generation *kept[KEPT];	/* the latest first */
	struct mesh_files *files[KEPT]; /* of each; NULL: not kept */
};

const char *config_compiler_source_text(enum config_compiler_source source)
{
	static const char *const texts[] = {
#define X(name, text) [CONFIG_COMPILER_##name] = text,
		CONFIG_COMPILER_SOURCES(X)
#undef X
	};

	return texts[source];
}

static void notify(struct config_compiler *p)
{
	eventfd_write(p->event_fd, 1);
}

/* ---- files */

/* A full snapshot: files that are not in it were removed. */
static void begin_snapshot(struct config_compiler *p)
{
	struct mesh_source *source;

	if (!p->news.snapshot || p->fresh)
		return;
	p->fresh = true;
	source = p->began ? mesh_source_new() : NULL;
	if (!source)
		return;
	mesh_source_free(p->source);
	p->source = source;
	unreadable_clear(&p->unreadable);
}

/* Truncated while no agent ran: the directory cannot know that it had objects. */
static bool was_emptied(const struct config_compiler *p, const struct fed_file *file)
{
	return !p->began && p->last_good && !file->removed && !file->problem &&
	       mesh_text_is_blank(file->bytes) && mesh_source_has(p->last_good, file->name);
}

static void take_file(void *arg, const struct fed_file *file)
{
	struct config_compiler *p = arg;
	const char *problem = was_emptied(p, file) ? DIRECTORY_EMPTIED : file->problem;
	int r = 0;

	if (p->news.kept) {
		p->last_good = p->last_good ? p->last_good : mesh_source_new();
		if (p->last_good && file->removed)
			mesh_source_remove(p->last_good, file->name);
		else if (p->last_good)
			mesh_source_put(p->last_good, file->name, file->bytes);
		return;
	}
	begin_snapshot(p);
	p->report.changed = true;
	unreadable_drop(&p->unreadable, file->name);
	if (file->removed)
		mesh_source_remove(p->source, file->name);
	else if (!problem)
		r = mesh_source_put(p->source, file->name, file->bytes);
	if (problem || r)
		unreadable_add(&p->unreadable, file->name, problem ? problem : strerror(-r));
}

/* ---- results */

static void fail(struct config_compiler *p, const char *text)
{
	struct config_compiler_status *s = &p->status;

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

/* Errors first, as there is room for few problems. */
static void keep_problems(struct config_compiler_status *s, const struct problems *problems)
{
	s->errors = problems->errors;
	s->warnings = problems->warnings;
	s->problem_count = 0;
	for (int severity = PROBLEM_ERROR; severity >= PROBLEM_WARNING; severity--)
		for (uint32_t i = 0; i < problems->count; i++)
			if (problems->items[i].severity == (enum problem_severity)severity &&
			    s->problem_count < CONFIG_COMPILER_PROBLEMS)
				problem_text(&problems->items[i], s->problems[s->problem_count++],
					     sizeof(s->problems[0]));
}

/* Drops the files of old generations beyond the limit of bytes. */
static void bound_files(struct config_compiler *p)
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
static struct generation *keep_generation(struct config_compiler *p, struct generation *g,
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

/* The texts changed but not their meaning: the former ones need not be kept. */
static void keep_files(struct config_compiler *p, struct mesh_files *files)
{
	mesh_files_put(p->files[0]);
	p->files[0] = files;
}

/* ---- one attempt */

static void say_failed(struct config_compiler *p, const struct problems *problems, const char *text)
{
	report_refused(&p->report, problems, text, p->status.number);
	pthread_mutex_lock(&p->mutex);
	keep_problems(&p->status, problems);
	fail(p, problems->errors && p->status.problem_count ? p->status.problems[0] : text);
	p->status.settled = true;
	pthread_mutex_unlock(&p->mutex);
}

/* |problems| NULL: the generation is not from the directory, whose problems are reported
 * separately. */
static void say_applied(struct config_compiler *p, const struct mesh_source *source,
			const struct problems *problems, struct generation *g,
			const struct writer_result *written, uint32_t plan_us)
{
	struct config_compiler_status *s = &p->status;
	struct mesh_files *files = mesh_source_files(source);
	struct generation *oldest;

	pthread_mutex_lock(&p->mutex);
	oldest = keep_generation(p, g, files);
	if (problems) {
		keep_problems(s, problems);
		s->settled = true;
		s->failure[0] = 0;
	}
	s->in_force = problems ? CONFIG_COMPILER_DIRECTORY : CONFIG_COMPILER_LAST_GOOD;
	s->number = g->number;
	s->hash = g->mesh->hash;
	s->applied++;
	s->success_s = (uint64_t)time(NULL);
	s->plan_us = plan_us;
	s->apply_us = written->apply_us;
	s->cells = written->cells;
	memcpy(s->acceleration, written->acceleration, sizeof(s->acceleration));
	pthread_mutex_unlock(&p->mutex);
	generation_put(oldest);
}

/* Puts |mesh|, which it takes over, in force. */
static int apply(struct config_compiler *p, const struct mesh_source *source, struct mesh *mesh,
		 const struct problems *problems, struct error *err)
{
	struct writer_result written;
	struct generation *g;
	int r = writer_write(p->writer, mesh, &g, &written, err);

	if (r)
		return r;
	say_applied(p, source, problems, g, &written,
		    (uint32_t)(process_now_us() - p->attempt_us) - written.apply_us);
	last_good_want(p->keeper, p->files[0]);
	p->unfinished = written.unfinished;
	return 0;
}

/* The generation of an earlier agent; NULL: none that can be read. */
static const struct weft_mesh_header *live(const struct config_compiler *p)
{
	const struct weft_mesh_header *h = p->options.state.live;

	return h && h->magic == WEFT_MESH_MAGIC && h->abi_version == WEFT_ABI_VERSION ? h : NULL;
}

/* The first files are not valid: the last good ones stay in force, and their meaning is loaded here
 * too. If a newer generation is in force it stays. */
static void fall_back(struct config_compiler *p)
{
	const struct weft_mesh_header *before = live(p);
	struct problems problems = {0};
	struct mesh *mesh = NULL;
	struct error err = {0};

	if (p->began || !p->last_good || p->kept[0])
		return;
	if (mesh_source_build(p->last_good, &mesh, &problems) ||
	    (before && before->config_hash != mesh->hash))
		mesh_free(mesh);
	else
		apply(p, p->last_good, mesh, NULL, &err);
	problems_free(&problems);
}

static void settle(struct config_compiler *p)
{
	p->began = true;
	if (!p->settled)
		p->settled = !ipc_tell(p->options.loader, IPC_MESSAGE_SETTLED, NULL, 0, -1);
}

static bool means_the_same(const struct config_compiler *p, const struct mesh *mesh)
{
	return p->kept[0] && p->status.hash == mesh->hash &&
	       p->status.in_force == CONFIG_COMPILER_DIRECTORY && !p->news.names && !p->unfinished;
}

/* Takes texts that differ from those in force but mean the same. */
static void take_texts(struct config_compiler *p, const struct problems *problems)
{
	struct mesh_files *files = mesh_source_files(p->source);

	pthread_mutex_lock(&p->mutex);
	keep_files(p, files);
	keep_problems(&p->status, problems);
	p->status.failure[0] = 0;
	pthread_mutex_unlock(&p->mutex);
}

/* Builds the mesh from the files and puts it in force; |text| says why not. 0 or a negative
 * errno. */
static int build_and_apply(struct config_compiler *p, struct problems *problems, char *text,
			   size_t size)
{
	const struct unreadable *u = p->unreadable;
	struct mesh *mesh = NULL;
	struct error err = {0};
	int r = mesh_source_build(p->source, &mesh, problems);

	snprintf(text, size, "%s", strerror(-r));
	if (u) {
		unreadable_text(u, text, size);
		mesh_free(mesh);
		return -EIO;
	}
	if (r)
		return r;
	if (means_the_same(p, mesh)) {
		mesh_free(mesh);
		take_texts(p, problems);
		return 0;
	}
	r = apply(p, p->source, mesh, problems, &err);
	snprintf(text, size, "%s", err.text);
	return r;
}

static int attempt_late(struct config_compiler *p, char *text, size_t size)
{
	snprintf(text, size, "%s", p->news.late_text);
	return ipc_tell(p->options.loader, IPC_MESSAGE_AGAIN, NULL, 0, -1) ? -ETIMEDOUT : -EIO;
}

/* Whether an earlier agent's generation is in force and has objects that a change could remove. */
static bool follows_another(const struct config_compiler *p)
{
	const struct weft_mesh_header *before = live(p);

	if (p->status.in_force == CONFIG_COMPILER_DIRECTORY)
		return false;
	if (p->last_good)
		return mesh_source_has_objects(p->last_good);
	return before && before->flags & (WEFT_MESH_POLICIES | WEFT_MESH_BALANCES);
}

/* A directory without any file (for instance not mounted) does not remove the generation in
 * force. */
static void look_for_files(struct config_compiler *p)
{
	if (!p->unreadable && !mesh_source_has_files(p->source) && follows_another(p))
		unreadable_add(&p->unreadable, "", UNREADABLE_EMPTY);
}

/* The first generation's removals are found by comparison with the earlier agent's files. */
static void succeed(struct config_compiler *p)
{
	if (p->last_good)
		mesh_source_follow(p->source, p->last_good);
	mesh_source_free(take_ptr(p->last_good));
	report_applied(&p->report, p->source, p->status.number);
}

/* Keeps the changes of a failed attempt. */
static void keep_news(struct config_compiler *p, int r)
{
	if (r != -ETIMEDOUT)
		p->news.late = false;
	if (!r)
		p->news.names = false;
	p->news.snapshot = p->news.kept = p->fresh = false;
}

static void attempt(struct config_compiler *p)
{
	struct problems problems = {0};
	char text[320];
	int r;

	p->retry_due_us = 0;
	begin_snapshot(p);
	look_for_files(p);
	r = p->news.late ? attempt_late(p, text, sizeof(text))
			 : build_and_apply(p, &problems, text, sizeof(text));
	if (r) {
		fall_back(p);
		say_failed(p, &problems, text);
	} else {
		succeed(p);
	}
	problems_free(&problems);
	settle(p);
	if (descriptors_short(r) || r == -ETIMEDOUT || (!r && p->unfinished) || !p->settled)
		p->retry_due_us = process_now_us() + RETRY_US;
	keep_news(p, r);
	notify(p);
}

/* ---- the thread */

static int receive(struct config_compiler *p, int timeout_ms)
{
	return file_batch_receive(p->options.files, timeout_ms, &p->news, take_file, p);
}

/* -1, or the time until the next deadline. */
static int wait_ms(const struct config_compiler *p)
{
	uint64_t now = process_now_us(),
		 due = p->retry_due_us ? p->retry_due_us : p->prepare_due_us;

	if (p->prepares)
		return 0;
	if (!due)
		return -1;
	return due > now ? (int)((due - now) / 1000) + 1 : 0;
}

/* One step of background work: prepares the next change in memory and in the other arena; stores
 * files for the next agent. */
static void prepare(struct config_compiler *p)
{
	bool behind = writer_prepare(p->writer), cold = mesh_source_prepare(p->source);
	bool unstored = last_good_write(p->keeper);

	p->prepares = behind || cold || unstored;
	p->prepare_due_us = last_good_waits(p->keeper) ? process_now_us() + RETRY_US : 0;
}

static bool is_due(uint64_t due_us)
{
	return due_us && process_now_us() >= due_us;
}

static void *run(void *arg)
{
	struct config_compiler *p = arg;
	struct error err = {0};
	int r;

	prctl(PR_SET_NAME, "weft-compiler");
	schedule_thread(SCHED_OTHER, SLICE_NS); /* unlike the worker, which has batch priority */
	if (p->options.confine && p->options.confine(&err)) {
		say_failed(p, &(struct problems){0}, err.text);
		notify(p);
		return NULL;
	}
	while ((r = receive(p, wait_ms(p))) >= 0) {
		p->attempt_us = process_now_us();
		while (r == 1 && receive(p, 0) == 1)
			; /* what arrived meanwhile */
		if ((r == 1 && (p->began || p->news.snapshot || p->news.late)) ||
		    is_due(p->retry_due_us))
			attempt(p);
		prepare(p);
	}
	while (last_good_write(p->keeper))
		;
	return NULL;
}

static int start(struct config_compiler *p, struct error *err)
{
	struct writer_options options = {
		.seed = p->options.seed,
		.loader = p->options.loader,
		.state = p->options.state,
	};
	int r = writer_new(&options, &p->writer, err);

	if (r)
		return r;
	if (live(p)) {
		p->status.in_force = CONFIG_COMPILER_EARLIER;
		p->status.number = live(p)->generation;
		p->status.hash = live(p)->config_hash;
	}
	p->source = mesh_source_new();
	p->keeper = last_good_new(options.loader);
	p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!p->source || !p->keeper || p->event_fd < 0)
		return error_set(err, -ENOMEM, "no memory for the mesh");
	r = -pthread_create(&p->thread, NULL, run, p);
	p->runs = !r;
	return r ? error_set(err, r, "cannot start a thread: %s", strerror(-r)) : 0;
}

int config_compiler_new(const struct config_compiler_options *options, struct config_compiler **ret,
			struct error *err)
{
	struct config_compiler *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return error_set(err, -ENOMEM, "no memory");
	p->options = *options;
	p->report.loader = options->loader;
	p->event_fd = -1;
	pthread_mutex_init(&p->mutex, NULL);
	r = start(p, err);
	if (r)
		config_compiler_free(p);
	else
		*ret = p;
	return r;
}

void config_compiler_free(struct config_compiler *p)
{
	if (!p)
		return;
	if (p->runs) {
		shutdown(p->options.files->fd, SHUT_RDWR);
		pthread_join(p->thread, NULL);
	}
	for (unsigned i = 0; i < KEPT; i++) {
		generation_put(p->kept[i]);
		mesh_files_put(p->files[i]);
	}
	unreadable_clear(&p->unreadable);
	writer_free(p->writer);
	mesh_source_free(p->source);
	mesh_source_free(p->last_good);
	last_good_free(p->keeper);
	cleanup_close_fd(&p->event_fd);
	pthread_mutex_destroy(&p->mutex);
	free(p);
}

int config_compiler_fd(const struct config_compiler *p)
{
	return p->event_fd;
}

void config_compiler_acknowledge(struct config_compiler *p)
{
	eventfd_t count;

	eventfd_read(p->event_fd, &count);
}

struct generation *config_compiler_latest(struct config_compiler *p)
{
	return config_compiler_generation(p, 0);
}

struct generation *config_compiler_generation(struct config_compiler *p, uint64_t number)
{
	struct generation *found = NULL;

	pthread_mutex_lock(&p->mutex);
	for (unsigned i = 0; i < KEPT && p->kept[i] && !found; i++)
		if (!number || p->kept[i]->number == number)
			found = generation_get(p->kept[i]);
	pthread_mutex_unlock(&p->mutex);
	return found;
}

int config_compiler_files_read(struct config_compiler *p, uint64_t number,
			       struct config_compiler_files *ret)
{
	int r = -ENOENT;

	pthread_mutex_lock(&p->mutex);
	for (unsigned i = 0; i < KEPT && p->kept[i] && r; i++) {
		if (number && p->kept[i]->number != number)
			continue;
		if (!p->files[i])
			break;
		*ret = (struct config_compiler_files){p->kept[i]->number, p->kept[i]->mesh->hash,
						      mesh_files_get(p->files[i])};
		r = 0;
	}
	pthread_mutex_unlock(&p->mutex);
	return r;
}

void config_compiler_status_read(struct config_compiler *p, struct config_compiler_status *ret)
{
	pthread_mutex_lock(&p->mutex);
	*ret = p->status;
	pthread_mutex_unlock(&p->mutex);
}
