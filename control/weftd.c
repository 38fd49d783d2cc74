// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The agent: wires the parts together and turns the loop. It decides nothing. */
#include "control/agent.h"
#include "control/options.h"
#include "control/serve/recent.h"
#include "control/serve/serve.h"
#include "control/signals/signals.h"
#include "control/status.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/version.h"
#include "datapath/attach/attach.h"
#include "datapath/attach/cgroups.h"
#include "datapath/attach/libraries.h"
#include "datapath/attach/mounts.h"
#include "datapath/observe/observe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

#define TICK_NS 5000000        /* the ring is read this often, and when much waits in it */
#define SLOW_TICKS 20          /* every so many ticks: expiry, heartbeat */
#define ITERATE_TICKS 1000     /* every so many ticks: what lives is walked */
#define RECENT_REQUESTS 4096
#define RECENT_CONNECTIONS 1024

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t random_seed(void)
{
	uint64_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = now_ns();
	return seed;
}

/* ---- records on their way */

static int take_event(void *arg, void *record, size_t size_bytes)
{
	struct agent *agent = arg;

	observe_event(agent->observe, record, size_bytes);
	return 0;
}

/* What an earlier agent did not read any more: its connections are not known here. */
static int take_stale_event(void *arg, void *record, size_t size_bytes)
{
	struct agent *agent = arg;

	(void)record;
	(void)size_bytes;
	agent->stale_records++;
	return 0;
}

static void take_request(void *arg, const struct request *r)
{
	struct agent *agent = arg;

	signals_request(agent->signals, r);
	recent_add_request(agent->recent, r);
}

static void take_connection(void *arg, const struct connection *c)
{
	struct agent *agent = arg;

	signals_connection(agent->signals, c);
	recent_add_connection(agent->recent, c);
}

static void take_listener(void *arg, const struct listener *l)
{
	struct agent *agent = arg;

	signals_listener(agent->signals, l);
}

static int name_cgroup(void *arg, uint64_t cgroup_id, char *out, size_t size)
{
	struct agent *agent = arg;

	return cgroups_path(agent->cgroup_root, cgroup_id, out, size) ? -ENOENT : 0;
}

static bool is_ready(void *arg)
{
	return ((struct agent *)arg)->ready;
}

/* ---- start */

static int start_attach(struct agent *agent, struct error *err)
{
	const struct options *o = &agent->options;
	struct attach_options options = {
		.pin_dir = o->pin_dir[0] ? o->pin_dir : NULL,
		.cgroup_path = agent->cgroup_root,
		.ring_bytes = o->ring_bytes,
		.capture = !o->layer4_only,
		.tls_keys = !o->layer4_only && o->tls == TLS_MODE_KEYS,
	};
	int r = mounts_find_cgroup2(agent->cgroup_root, sizeof(agent->cgroup_root), err);

	if (r)
		return r;
	if (o->statistics)
		agent->statistics_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	r = attach_new(&options, &agent->attach, err);
	if (!r && attach_adopted(agent->attach))
		attach_consume(agent->attach, take_stale_event, agent);
	return r;
}

static int start_pipeline(struct agent *agent, struct error *err)
{
	struct observe_limits limits = observe_limits_default();
	struct signals_limits signal_limits = signals_limits_default();
	struct observe_listener listener = { agent, take_request, take_connection, take_listener,
					     name_cgroup };

	limits.seed = random_seed();
	signal_limits.seed = random_seed();
	if (agent->options.connections)
		limits.connections = agent->options.connections;
	agent->signals = signals_new(&signal_limits, err);
	if (!agent->signals)
		return err->code;
	signals_tick(agent->signals, now_ns());
	agent->recent = recent_new(RECENT_REQUESTS, RECENT_CONNECTIONS);
	agent->observe = observe_new(&limits, &listener, err);
	agent->health = calloc(1, sizeof(*agent->health));
	if (!agent->recent || !agent->observe || !agent->health)
		return error_set(err, -ENOMEM, "no memory for the tables");
	return 0;
}

static void make_socket_directory(const char *socket_path)
{
	char dir[108];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", socket_path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = 0;
	mkdir(dir, 0755);
}

static int start_serve(struct agent *agent, struct error *err)
{
	const struct options *o = &agent->options;
	struct serve_options options = {
		.listen = o->listen[0] ? o->listen : NULL,
		.socket_path = o->socket_path[0] ? o->socket_path : NULL,
	};
	struct serve_source source = {
		.arg = agent,
		.signals = agent->signals,
		.recent = agent->recent,
		.refresh = status_refresh,
		.ready = is_ready,
		.status = status_write,
		.check = status_write_check,
	};

	if (options.socket_path)
		make_socket_directory(options.socket_path);
	agent->serve = serve_new(&options, &source, err);
	return agent->serve ? 0 : err->code;
}

/* TLS stays closed when this fails; all else goes on, and `weft check` says why. */
static void start_libraries(struct agent *agent)
{
	struct libraries_options options = {
		.programs = { attach_program(agent->attach, "tls_keys_multi"),
			      attach_program(agent->attach, "tls_keys") },
		.pin_dir = attach_link_dir(agent->attach),
	};
	struct error err = { 0 };

	if (agent->options.layer4_only || agent->options.tls != TLS_MODE_KEYS) {
		snprintf(agent->tls_problem, sizeof(agent->tls_problem), "switched off");
		return;
	}
	if (uprobe_multi_supported())
		options.programs.single = NULL;
	else
		options.programs.multi = NULL;
	if (libraries_new(&options, &agent->libraries, &err)) {
		snprintf(agent->tls_problem, sizeof(agent->tls_problem), "%s", err.text);
		return;
	}
	libraries_scan(agent->libraries);
}

static int watch(struct agent *agent, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return fd < 0 || epoll_ctl(agent->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int start_loop(struct agent *agent, struct error *err)
{
	struct itimerspec tick = { { 0, TICK_NS }, { 0, TICK_NS } };
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	agent->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	agent->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	agent->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	timerfd_settime(agent->timer_fd, 0, &tick, NULL);
	if (watch(agent, agent->signal_fd) || watch(agent, agent->timer_fd) ||
	    watch(agent, attach_ring_fd(agent->attach)) || watch(agent, serve_fd(agent->serve)) ||
	    (agent->libraries && watch(agent, libraries_fd(agent->libraries))))
		return error_set(err, -errno, "cannot set up the event loop: %s", strerror(errno));
	return 0;
}

static int start(struct agent *agent, struct error *err)
{
	int r = start_pipeline(agent, err);

	r = r ? r : start_serve(agent, err);
	r = r ? r : start_attach(agent, err);
	if (r)
		return r;
	start_libraries(agent);
	return start_loop(agent, err);
}

/* ---- the loop */

static void read_ring(struct agent *agent)
{
	attach_consume(agent->attach, take_event, agent);
	serve_wake(agent->serve);
}

static void tick(struct agent *agent, uint64_t number)
{
	uint64_t now = now_ns();

	signals_tick(agent->signals, now);
	read_ring(agent);
	if (number % SLOW_TICKS == 0) {
		attach_heartbeat(agent->attach, now);
		observe_tick(agent->observe, now);
	}
	if (number % ITERATE_TICKS == 0)
		attach_iterate(agent->attach, take_event, agent);
}

static void handle(struct agent *agent, int fd)
{
	static uint64_t ticks;
	uint64_t expirations;

	if (fd == agent->signal_fd) {
		agent->stop = true;
	} else if (fd == agent->timer_fd) {
		if (read(fd, &expirations, sizeof(expirations)) == sizeof(expirations))
			tick(agent, ticks++);
	} else if (fd == serve_fd(agent->serve)) {
		serve_run(agent->serve);
	} else if (agent->libraries && fd == libraries_fd(agent->libraries)) {
		libraries_handle(agent->libraries);
	} else {
		read_ring(agent);
	}
}

static void loop(struct agent *agent)
{
	struct epoll_event events[16];

	while (!agent->stop) {
		int n = epoll_wait(agent->epoll_fd, events, 16, serve_timeout_ms(agent->serve));

		if (n == 0)
			serve_run(agent->serve);
		for (int i = 0; i < n && !agent->stop; i++)
			handle(agent, events[i].data.fd);
	}
}

/* systemd's readiness protocol: one datagram (sd_notify(3)). */
static void notify_systemd(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int fd = -1;

	if (!path || strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path));
	if (address.sun_path[0] == '@')
		address.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
}

static void say_ready(struct agent *agent)
{
	agent->ready = true;
	printf("weftd: ready\n");
	fflush(stdout);
	notify_systemd("READY=1");
}

static void finish(struct agent *agent)
{
	notify_systemd("STOPPING=1");
	serve_free(agent->serve);
	if (agent->libraries)
		libraries_free(agent->libraries, true);
	attach_free(agent->attach);
	observe_free(agent->observe);
	signals_free(agent->signals);
	recent_free(agent->recent);
	free(agent->health);
	if (agent->statistics_fd >= 0)
		close(agent->statistics_fd);
}

/* libbpf explains what failed in errors that we report ourselves: its own words only on request. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!getenv("WEFT_DEBUG") || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

int main(int argc, char **argv)
{
	struct agent agent = { .statistics_fd = -1, .epoll_fd = -1, .timer_fd = -1, .signal_fd = -1 };
	struct error err = { 0 };
	int code = options_parse(argc, argv, &agent.options);

	if (code >= 0)
		return code;
	libbpf_set_print(print_libbpf);
	agent.started_ns = now_ns();
	code = start(&agent, &err) ? 1 : 0;
	if (code) {
		fprintf(stderr, "weftd: %s\n", err.text);
	} else {
		say_ready(&agent);
		if (!agent.options.once)
			loop(&agent);
	}
	finish(&agent);
	return code;
}
