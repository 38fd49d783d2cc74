// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Wires the pipeline and runs its loop. */
#include "control/agent/worker.h"

#include "control/agent/cgroup_client.h"
#include "control/agent/rights.h"
#include "control/agent/sandbox.h"
#include "control/agent/status.h"
#include "control/agent/ring_guard.h"
#include "control/apply/generation.h"
#include "control/apply/objective_rows.h"
#include "control/apply/mesh_runtime.h"
#include "control/ipc/loader_health.h"
#include "control/serve/listen.h"
#include "control/serve/recent.h"
#include "control/serve/serve.h"
#include "control/signals/signals.h"

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/loop.h"
#include "base/process.h"
#include "base/schedule.h"
#include "base/seed.h"
#include "datapath/observe/observe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Intervals of reading the ring at low and at high load: many short batches delay no other thread,
 * a long one stalls the thread that shares the CPU. */
#define IDLE_TICK_NS	      20000000
#define BUSY_TICK_NS	      4000000
#define BUSY_RECORDS	      16	    /* in one batch */
#define ALIVE_INTERVAL_NS     2000000000ull /* living connections show their bytes this often */
#define SLOW_NS		      100000000	    /* expiry and heartbeat are this far apart */
#define LATE_NS		      1000000000ull /* without a heartbeat: a third of WEFT_HEARTBEAT_MAX_NS */
#define BATCH_NS	      50000000 /* of reading the ring: the rest waits for the next batch */
#define BATCH_LOOK	      16       /* records between two reads of the clock */
#define RECENT_REQUESTS	      4096
#define OPEN_EXCHANGES	      1024 /* of a connection: HTTP/2 clients open hundreds of streams */
#define RECENT_CONNECTIONS    8192 /* 1000 a second, seen from both ends: two seconds of them */
#define RECENT_VERDICTS_KEPT  4096
#define NS_PER_S	      1000000000ull
#define STACK_QUESTIONS_PER_S 64 /* processes that the loader is asked to look at */

struct worker {
	struct options options;
	struct worker_lent lent;
	struct reader *reader;
	struct observe *observe;
	struct signals *signals;
	struct recent *recent;
	const struct serve_sockets *sockets;
	struct serve *serve;
	struct status *status;
	struct ipc_links *links;
	struct ring_guard *ring_guard;
	struct mesh_runtime *mesh_runtime; /* NULL: no mesh */
	struct cgroup_client cgroups;
	uint64_t stacks_asked_ns; /* since when these were counted: */
	unsigned stacks_asked;
	uint64_t objectives_number; /* of the generation whose promises are counted */
	uint64_t slow_ns;	    /* when expiry and heartbeat were last */
	uint64_t batch_end_ns;	    /* until then the ring is read in this batch */
	unsigned taken;		    /* records */
	int epoll_fd;
	int timer_fd;
	int signal_fd;
	bool stop;
};

/* ---- records on their way */

/* Records that are expensive for their size may arrive without a pause: a batch ends before all are
 * read. */
static int take_event(void *arg, void *record, size_t size_bytes)
{
	struct worker *w = arg;

	observe_event(w->observe, record, size_bytes);
	return ++w->taken % BATCH_LOOK == 0 && process_now_ns() >= w->batch_end_ns;
}

static void take_request(void *arg, const struct request *r)
{
	struct worker *w = arg;

	signals_request(w->signals, r);
	if (w->mesh_runtime)
		mesh_runtime_request(w->mesh_runtime, r);
	recent_add_request(w->recent, r);
}

static void take_open_request(void *arg, const struct open_request *r)
{
	struct worker *w = arg;

	signals_open_request(w->signals, r);
}

static void take_connection(void *arg, const struct connection *c)
{
	struct worker *w = arg;

	signals_connection(w->signals, c);
	if (w->mesh_runtime)
		mesh_runtime_connection(w->mesh_runtime, c);
	recent_add_connection(w->recent, c);
}

static void take_listener(void *arg, const struct listener *l)
{
	struct worker *w = arg;

	signals_listener(w->signals, l);
}

static void take_verdict(void *arg, const struct verdict *v)
{
	struct worker *w = arg;

	if (w->mesh_runtime)
		mesh_runtime_verdict(w->mesh_runtime, v);
	signals_verdict(w->signals, v);
	recent_add_verdict(w->recent, v);
}

static void take_skip(void *arg, uint64_t cookie, unsigned direction, uint64_t until)
{
	struct worker *w = arg;

	reader_skip(w->reader, cookie, direction, until);
}

static int name_cgroup(void *arg, uint64_t cgroup_id, char *out, size_t size)
{
	struct worker *w = arg;

	return cgroup_client_path(&w->cgroups, cgroup_id, out, size);
}

static int name_container(void *arg, uint64_t cgroup_id, const char *id, struct observe_names *ret)
{
	struct worker *w = arg;

	return cgroup_client_container(&w->cgroups, cgroup_id, id, ret);
}

static int name_end(void *arg, const struct weft_owner *owner, const uint8_t addr[16],
		    uint16_t port, struct observe_names *ret)
{
	struct worker *w = arg;

	return w->mesh_runtime ? mesh_runtime_names(w->mesh_runtime, owner, addr, port, ret)
			       : -ENOENT;
}

/* What the loader has found, or TLS_STACK_NONE. It is asked to look where that is not of late, if
 * not too often. */
static unsigned tls_stack_of(void *arg, uint32_t pid)
{
	struct worker *w = arg;
	uint64_t now_ns = process_now_ns();
	enum tls_stack stack = TLS_STACK_NONE;
	bool fresh = false;

	if (!w->links->stacks ||
	    (stack_answers_get(w->links->stacks, pid, now_ns, &stack, &fresh) && fresh))
		return stack;
	if (now_ns >= w->stacks_asked_ns + NS_PER_S) {
		w->stacks_asked_ns = now_ns;
		w->stacks_asked = 0;
	}
	if (w->stacks_asked++ < STACK_QUESTIONS_PER_S)
		ipc_tell(&w->links->asks[IPC_LOADER], IPC_MESSAGE_STACK, &pid, sizeof(pid), -1);
	return stack;
}

static void name_verdict(void *arg, const struct weft_verdict *v, struct observe_verdict_names *ret)
{
	struct worker *w = arg;

	if (w->mesh_runtime)
		mesh_runtime_verdict_names(w->mesh_runtime, v, ret);
}

/* ---- start */

static int start_pipeline(struct worker *w, struct error *err)
{
	struct observe_limits limits = observe_limits_default();
	struct signals_limits signal_limits = signals_limits_default();
	struct observe_listener listener = {.arg = w,
					    .request = take_request,
					    .open_request = take_open_request,
					    .connection = take_connection,
					    .listener = take_listener,
					    .cgroup_path = name_cgroup,
					    .names = name_end,
					    .skip = take_skip,
					    .tls_stack = tls_stack_of,
					    .verdict = take_verdict,
					    .verdict_names = name_verdict};

	if (!w->options.names_by_id)
		listener.container = name_container;
	limits.seed = seed_random();
	limits.requests_per_connection = OPEN_EXCHANGES;
	limits.alive_interval_ns = ALIVE_INTERVAL_NS;
	signal_limits.seed = seed_random();
	limits.verify = w->options.verify && !w->options.accelerate_count; /* TCP counts what it
									      carried */
	limits.tls_off = w->options.tls == TLS_MODE_OFF;
	if (w->options.connections)
		limits.connections = w->options.connections;
	w->signals = signals_new(&signal_limits, err);
	w->observe = w->signals ? observe_new(&limits, &listener, err) : NULL;
	if (!w->observe)
		return err->code;
	signals_tick(w->signals, process_now_ns());
	if (w->options.cluster)
		signals_set_cluster(w->signals, w->options.cluster);
	w->recent = recent_new(w->options.recent ? w->options.recent : RECENT_REQUESTS,
			       RECENT_CONNECTIONS, RECENT_VERDICTS_KEPT);
	return w->recent ? 0 : error_set(err, -ENOMEM, "no memory for the tables");
}

static void end_connections(void *arg)
{
	struct worker *w = arg;

	ipc_tell(&w->links->asks[IPC_LOADER], IPC_MESSAGE_END, NULL, 0, -1);
}

static int start_mesh_runtime(struct worker *w, struct error *err)
{
	struct mesh_runtime_options options = {.lent = w->lent.mesh,
					       .earlier_build = w->lent.earlier_build,
					       .loader = &w->links->asks[IPC_CONFIG_IO],
					       .files = &w->links->answers[IPC_COMPILER],
					       .confine = sandbox_enter,
					       .end_connections = end_connections,
					       .cgroup_path = name_cgroup,
					       .arg = w,
					       .seed = seed_random()};

	return w->options.config_dir ? mesh_runtime_new(&options, &w->mesh_runtime, err) : 0;
}

static void batch_start(struct worker *w)
{
	w->batch_end_ns = process_now_ns() + BATCH_NS;
}

/* Until the ring is empty or the batch ends. */
static void drain_ring(void *arg)
{
	struct worker *w = arg;

	reader_consume(w->reader, take_event, w);
	reader_heartbeat(w->reader, process_now_ns());
}

/* With the lock of the ring guard. */
static void drain_late(void *arg)
{
	batch_start(arg);
	drain_ring(arg);
}

/* Where the agent itself answers, so that lists can leave it out. */
static void know_own(struct worker *w)
{
	struct endpoint own = {0};
	struct stat ns;

	if (stat("/proc/self/ns/net", &ns) ||
	    !listen_address(w->sockets->tcp_fd, own.addr, &own.port))
		return;
	own.netns_ino = (uint32_t)ns.st_ino;
	signals_set_own(w->signals, &own);
}

static int start_serve(struct worker *w, struct error *err)
{
	struct serve_options options = {.sockets = w->sockets};
	struct status_parts parts = {.options = &w->options,
				     .ring_guard = &w->ring_guard,
				     .loader = &w->links->asks[IPC_LOADER],
				     .adopted = w->lent.adopted,
				     .reader = w->reader,
				     .observe = w->observe,
				     .signals = w->signals,
				     .serve = &w->serve,
				     .mesh_runtime = w->mesh_runtime,
				     .drain = drain_ring,
				     .drain_arg = w};
	struct serve_source source;

	w->status = status_new(&parts, err);
	if (!w->status)
		return err->code;
	source = (struct serve_source){.arg = w->status,
				       .signals = w->signals,
				       .recent = w->recent,
				       .refresh = status_refresh,
				       .status = status_write,
				       .check = status_write_check};
	if (w->mesh_runtime) {
		source.ready = status_ready;
		source.mesh = status_write_mesh;
		source.services = status_write_services;
		source.endpoints = status_write_endpoints;
		source.files = status_files;
		source.simulate = status_simulate;
		source.explain = status_explain;
	}
	know_own(w);
	w->serve = serve_new(&options, &source, err);
	return w->serve ? 0 : err->code;
}

static int watch(struct worker *w, int fd)
{
	return loop_watch(w->epoll_fd, fd);
}

static int loader_fd(const struct worker *w)
{
	return w->links->answers[IPC_WORKER].fd;
}

static int start_loop(struct worker *w, struct error *err)
{
	static const int signals[] = {SIGTERM, SIGINT};

	w->signal_fd = loop_signals(signals, sizeof(signals) / sizeof(signals[0]));
	w->timer_fd = loop_timer();
	w->epoll_fd = loop_new();
	loop_timer_set(w->timer_fd, IDLE_TICK_NS);
	if (watch(w, w->signal_fd) || watch(w, w->timer_fd) || watch(w, loader_fd(w)) ||
	    watch(w, reader_fd(w->reader)) || watch(w, serve_fd(w->serve)) ||
	    (w->mesh_runtime && watch(w, mesh_runtime_fd(w->mesh_runtime))))
		return error_set(err, -errno, "cannot set up the event loop: %s", strerror(errno));
	return 0;
}

/* Records wait in the ring: when the worker is due, the running thread keeps its CPU to the end of
 * its time slice, so that the observed programs are not preempted by wake-ups of the agent. The
 * worker has the usual time slice: with the longest one it waited until the ring was full. If the
 * kernel refuses it is scheduled like others. */
static void yield_to_others(void)
{
	schedule_thread(SCHED_BATCH, 0);
}

static bool is_late(void *arg)
{
	const struct worker *w = arg;

	return reader_waiting(w->reader) >= w->lent.reader.much_bytes ||
	       reader_heartbeat_age(reader_account(w->reader), process_now_ns()) > LATE_NS;
}

/* Others may keep it from the CPU for longer than the ring has room, or than a dead worker is
 * waited for. */
static int start_ring_guard(struct worker *w, struct error *err)
{
	struct ring_guard_options options = {.ring_fd = reader_fd(w->reader),
					     .late = is_late,
					     .drain = drain_late,
					     .confine = sandbox_enter,
					     .arg = w};

	return ring_guard_new(&options, &w->ring_guard, err);
}

#define MAPPED 6

/* What is in these maps is mapped at the start. */
static void mapped_of(const struct worker_lent *lent, int ret_fds[MAPPED])
{
	const int fds[MAPPED] = {lent->reader.settings_fd, lent->reader.skips_fd,
				 lent->reader.counters_fd, lent->mesh.endpoints_fd,
				 lent->mesh.services_fd,   lent->mesh.live_fd};

	memcpy(ret_fds, fds, sizeof(fds));
}

static void close_mapped(const struct worker_lent *lent)
{
	int fds[MAPPED];

	mapped_of(lent, fds);
	for (size_t i = 0; i < MAPPED; i++)
		cleanup_close_fd(&fds[i]);
}

static int start(struct worker *w, struct error *err)
{
	int r = start_pipeline(w, err);

	yield_to_others();
	r = r ? r : reader_new(w->lent.reader, &w->reader, err);
	r = r ? r : start_mesh_runtime(w, err);
	r = r ? r : start_serve(w, err);
	r = r ? r : start_loop(w, err);
	r = r ? r : start_ring_guard(w, err);
	close_mapped(&w->lent);
	process_resident_bytes(); /* opens what it needs while that is allowed */
	return r ? r : sandbox_enter(err);
}

/* ---- the loop */

static int read_ring(struct worker *w)
{
	int records;

	batch_start(w);
	records = reader_consume(w->reader, take_event, w);
	serve_wake(w->serve);
	return records;
}

static void tick(struct worker *w)
{
	uint64_t now_ns = process_now_ns();

	signals_tick(w->signals, now_ns);
	loop_timer_set(w->timer_fd, read_ring(w) < BUSY_RECORDS ? IDLE_TICK_NS : BUSY_TICK_NS);
	/* a second that is over is complete for signals when open requests were told of */
	if (now_ns < w->slow_ns + SLOW_NS && now_ns / NS_PER_S == w->slow_ns / NS_PER_S)
		return;
	w->slow_ns = now_ns;
	reader_heartbeat(w->reader, now_ns);
	observe_tick(w->observe, now_ns);
	if (w->mesh_runtime)
		mesh_runtime_tick(w->mesh_runtime, now_ns);
}

/* Living connections and listeners: records like those of the ring, one after another. */
static void take_records(struct worker *w, const char *data, size_t bytes)
{
	const struct weft_event *event;

	for (size_t at = 0; at + sizeof(*event) <= bytes; at += event->size_bytes) {
		event = (const struct weft_event *)(data + at);
		if (event->size_bytes < sizeof(*event) || event->size_bytes > bytes - at)
			return;
		observe_event(w->observe, event, event->size_bytes);
	}
}

static void hear_loader(struct worker *w)
{
	static char buffer[IPC_DATA_MAX] __attribute__((aligned(8)));
	struct ipc_request said = {0};
	int r = ipc_receive(&w->links->answers[IPC_WORKER], &said, buffer, sizeof(buffer), NULL);

	if (r == -EPIPE)
		w->stop = true;
	if (!r && said.message == IPC_MESSAGE_HEALTH)
		status_loader(w->status, (const struct loader_health *)buffer);
	else if (!r)
		take_records(w, buffer, said.bytes);
}

/* What the mesh in force promises. */
static void set_objectives(struct worker *w)
{
	const struct generation *g = mesh_runtime_generation(w->mesh_runtime);
	struct objective *rows;
	uint32_t count;

	if (!g || g->number == w->objectives_number)
		return;
	w->objectives_number = g->number;
	rows = objective_rows(g->mesh, &count);
	if (rows)
		signals_set_objectives(w->signals, rows, count);
	free(rows);
}

static void handle(struct worker *w, int fd)
{
	if (fd == w->signal_fd) {
		w->stop = true;
	} else if (fd == w->timer_fd) {
		if (loop_timer_due(fd))
			tick(w);
	} else if (fd == serve_fd(w->serve)) {
		serve_run(w->serve);
	} else if (w->mesh_runtime && fd == mesh_runtime_fd(w->mesh_runtime)) {
		mesh_runtime_news(w->mesh_runtime);
		set_objectives(w);
	} else if (fd == loader_fd(w)) {
		hear_loader(w);
	} else {
		read_ring(w);
	}
}

static void loop(struct worker *w)
{
	struct epoll_event events[16];

	while (!w->stop) {
		int n = epoll_wait(w->epoll_fd, events, 16, -1);

		ring_guard_lock(w->ring_guard);
		batch_start(w);
		for (int i = 0; i < n && !w->stop; i++)
			handle(w, events[i].data.fd);
		ring_guard_unlock(w->ring_guard);
	}
}

static void finish(struct worker *w)
{
	ring_guard_free(w->ring_guard);
	serve_free(w->serve);
	status_free(w->status);
	mesh_runtime_free(w->mesh_runtime);
	observe_free(w->observe);
	signals_free(w->signals);
	recent_free(w->recent);
	reader_free(w->reader);
}

/* ---- life */

/* Of all that the loader has open. */
static void keep_descriptors(const struct worker_start *s)
{
	int fds[8 + MAPPED + IPC_THREAD_COUNT] = {
		STDIN_FILENO,	   STDOUT_FILENO,	STDERR_FILENO,	       s->ready_fd,
		s->sockets.tcp_fd, s->sockets.local_fd, s->lent.reader.ring_fd};
	size_t count = 7;

	mapped_of(&s->lent, fds + count);
	count += MAPPED;
	memcpy(fds + count, s->links.fds, sizeof(s->links.fds));
	count += IPC_THREAD_COUNT;
	fds[count++] = s->links.stacks_fd;
	descriptors_keep(fds, count);
	for (size_t i = 0; i < count; i++)
		if (fds[i] >= 0)
			fcntl(fds[i], F_SETFD, 0);
}

/* The standard input brings |s|. */
static int bring(const struct worker_start *s)
{
	int ends[2], r;

	if (pipe(ends))
		return -errno;
	r = write(ends[1], s, sizeof(*s)) == sizeof(*s) && dup2(ends[0], STDIN_FILENO) >= 0
		    ? 0
		    : -errno;
	close(ends[0]);
	close(ends[1]);
	return r;
}

void worker_exec(const struct worker_start *s, char **argv)
{
	struct error err = {0};
	int r = bring(s);

	argv[0] = WORKER_NAME;
	keep_descriptors(s);
	rights_pass_on(CAP_SYS_NICE); /* to the ring guard */
	if (!r)
		execv("/proc/self/exe", argv);
	error_set(&err, r, "cannot run the worker: %s", strerror(r ? -r : errno));
	r = (int)write(s->ready_fd, err.text, strlen(err.text));
	_exit(r < 0 ? 2 : 1);
}

bool worker_is(char *const *argv)
{
	return argv[0] && !strcmp(argv[0], WORKER_NAME);
}

int worker_main(const struct options *options)
{
	struct worker_start s;
	struct ipc_links links;
	struct worker w = {.options = *options, .links = &links, .sockets = &s.sockets};
	struct error err = {0};
	int code;

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	prctl(PR_SET_NAME, WORKER_NAME);
	if (read(STDIN_FILENO, &s, sizeof(s)) != sizeof(s))
		return 2;
	w.lent = s.lent;
	ipc_links_take(&s.links, &links);
	w.cgroups.ipc = &links.asks[IPC_RESOLVER];
	code = start(&w, &err) ? 1 : 0;
	if (write(s.ready_fd, code ? err.text : "\n", code ? strlen(err.text) : 1) < 0)
		code = 1;
	close(s.ready_fd);
	if (!code)
		loop(&w);
	finish(&w);
	return code;
}
