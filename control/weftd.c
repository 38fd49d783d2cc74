// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The agent: a small loader that keeps the privileges, and a worker without any that it starts
 * again when it dies. */
#include "control/agent/loader.h"
#include "control/agent/options.h"
#include "control/agent/rights.h"
#include "control/agent/sandbox.h"
#include "control/agent/service.h"
#include "control/agent/worker.h"
#include "control/serve/listen.h"
#include "control/serve/serve.h"

#include "base/cleanup.h"
#include "base/descriptors.h"
#include "base/error.h"
#include "base/loop.h"
#include "base/process.h"
#include "datapath/attach/core/container.h"
#include "datapath/attach/mesh/mesh_read.h"
#include "datapath/attach/core/mounts.h"
#include "datapath/attach/core/pin_lock.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define LIVING_NS	 2000000000ull /* what lives is walked this often, */
#define LIVING_LATER_NS	 4000000000ull /* this often where that would take more than */
#define LIVING_LITTLE	 400	       /* one part in so many of a core, */
#define LIVING_SHARE	 100	       /* but takes at most one part in so many */
/* A worker that died is started again after the first delay; each death within the time that a
 * healthy one lives doubles it, up to the last. */
#define RESTART_FIRST_NS 200000000ull
#define RESTART_LAST_NS	 30000000000ull
#define HEALTHY_NS	 60000000000ull
#define WORKER_SILENT_NS 3000000000ull /* it says ten times a second that it reads the ring */
#define KEEP_MAX_MS	 1000	       /* at its end it may keep what is in force for so long */

struct weftd {
	struct options options;
	char **argv;
	struct pin_lock *lock; /* NULL: nothing is pinned */
	struct serve_sockets sockets;
	struct loader *loader;
	struct ipc_links links;
	pid_t worker;
	uint64_t worker_ns; /* when it was started last */
	uint64_t restart_delay_ns;
	unsigned deaths;
	int epoll_fd;
	int timer_fd;
	int restart_fd; /* a timer: the worker's next start */
	int signal_fd;
	uint64_t watchdog_ns;	/* between two signs of life for the service manager; 0: none */
	uint64_t shown_ns;	/* when the last one was given */
	bool is_short;		/* of descriptors, as it was told last */
	enum loader_state told; /* LOADER_STARTS: nothing yet */
	bool stop;
	int code;
};

/* ---- the worker */

/* Answers what the new worker asks until it says that it serves, or why it cannot. */
static int wait_ready(struct weftd *d, int ready_fd, struct error *err)
{
	char text[256];
	ssize_t n = read(ready_fd, text, sizeof(text) - 1);

	if (n == 1 && text[0] == '\n')
		return 0;
	text[n > 0 ? n : 0] = 0;
	(void)d;
	return error_set(err, -ECHILD, "%s", n > 0 ? text : "the worker ended at start");
}

static int worker_start(struct weftd *d, struct error *err)
{
	struct worker_start start = {.lent = loader_lend(d->loader), .sockets = d->sockets};
	int ready[2];
	int r = ipc_links_open(&d->links, err);

	if (r)
		return r;
	d->worker_ns = process_now_ns();
	if (pipe(ready))
		return error_set(err, -errno, "cannot make a pipe: %s", strerror(errno));
	start.links = ipc_links_lend(&d->links);
	start.ready_fd = ready[1];
	d->worker = fork();
	if (d->worker == 0)
		worker_exec(&start, d->argv);
	close(ready[1]);
	ipc_links_keep(&d->links, IPC_PROCESS_LOADER);
	r = d->worker < 0 ? error_set(err, -errno, "cannot fork: %s", strerror(errno))
			  : loader_connect(d->loader, &d->links, err);
	r = r ? r : wait_ready(d, ready[0], err);
	close(ready[0]);
	return r ? r : loop_watch(d->epoll_fd, d->links.answers[IPC_LOADER].fd);
}

static void worker_disconnect(struct weftd *d)
{
	loader_disconnect(d->loader);
	ipc_links_close(&d->links);
}

static void wait_for_end(pid_t pid, int timeout_ms)
{
	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = {.fd = fd, .events = POLLIN};

	if (fd >= 0)
		poll(&ended, 1, timeout_ms);
}

/* The loader's own thread answers nothing from here on; the config I/O thread still takes what is
 * to be kept for the next agent. It must not wait for either. */
static void worker_stop(struct weftd *d)
{
	if (d->worker <= 0)
		return;
	shutdown(d->links.answers[IPC_LOADER].fd, SHUT_RDWR);
	kill(d->worker, SIGTERM);
	wait_for_end(d->worker, KEEP_MAX_MS);
	worker_disconnect(d);
	waitpid(d->worker, NULL, 0);
	d->worker = 0;
}

/* The next one takes over; the kernel half did not notice. */
static void worker_start_later(struct weftd *d)
{
	bool was_healthy = process_now_ns() - d->worker_ns > HEALTHY_NS;

	worker_disconnect(d);
	d->worker = 0;
	if (was_healthy || !d->restart_delay_ns)
		d->restart_delay_ns = RESTART_FIRST_NS;
	else if (d->restart_delay_ns < RESTART_LAST_NS / 2)
		d->restart_delay_ns *= 2;
	else
		d->restart_delay_ns = RESTART_LAST_NS;
	fprintf(stderr, "weftd: event=worker_restart after_seconds=%.1f deaths=%u\n",
		(double)d->restart_delay_ns / 1e9, d->deaths);
	loop_timer_set(d->restart_fd, d->restart_delay_ns);
}

static void worker_died(struct weftd *d)
{
	int status = 0;

	if (d->worker <= 0 || waitpid(d->worker, &status, WNOHANG) != d->worker || d->stop)
		return;
	d->deaths++;
	fprintf(stderr, "weftd: event=worker_died signal=%d code=%d\n",
		WIFSIGNALED(status) ? WTERMSIG(status) : 0,
		WIFEXITED(status) ? WEXITSTATUS(status) : 0);
	worker_start_later(d);
}

static void worker_start_again(struct weftd *d)
{
	struct error err = {0};

	if (!worker_start(d, &err)) {
		loader_push_health(d->loader);
		return;
	}
	fprintf(stderr, "weftd: event=worker_start_failed reason=\"%s\"\n", err.text);
	if (d->worker > 0) {
		kill(d->worker, SIGKILL);
		waitpid(d->worker, NULL, 0);
	}
	worker_start_later(d);
}

/* ---- the loop */

static int start_loop(struct weftd *d, struct error *err)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGCHLD};

	d->signal_fd = loop_signals(signals, sizeof(signals) / sizeof(signals[0]));
	d->timer_fd = loop_timer();
	d->restart_fd = loop_timer();
	d->epoll_fd = loop_new();
	loop_timer_set(d->timer_fd, LIVING_NS);
	if (loop_watch(d->epoll_fd, d->signal_fd) || loop_watch(d->epoll_fd, d->timer_fd) ||
	    loop_watch(d->epoll_fd, d->restart_fd) || loop_watch(d->epoll_fd, loader_fd(d->loader)))
		return error_set(err, -errno, "cannot set up the event loop: %s", strerror(errno));
	return 0;
}

static void handle_signals(struct weftd *d)
{
	struct signalfd_siginfo info;

	while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			worker_died(d);
		else
			d->stop = true;
	}
}

/* Once when it begins, once when it ends. */
static void tell_descriptors(struct weftd *d)
{
	struct descriptors now = descriptors_count();
	bool is_short = !descriptors_spare();

	if (is_short == d->is_short)
		return;
	d->is_short = is_short;
	fprintf(stderr, "weftd: event=descriptors_%s used=%llu limit=%llu\n",
		is_short ? "short" : "enough", (unsigned long long)now.used,
		(unsigned long long)now.limit);
}

/* After one that took so long. */
static uint64_t next_look_ns(uint64_t took_ns)
{
	uint64_t wanted_ns = took_ns * LIVING_LITTLE, least_ns = took_ns * LIVING_SHARE;

	wanted_ns = wanted_ns < LIVING_LATER_NS ? wanted_ns : LIVING_LATER_NS;
	wanted_ns = wanted_ns > LIVING_NS ? wanted_ns : LIVING_NS;
	return wanted_ns > least_ns ? wanted_ns : least_ns;
}

static void tick(struct weftd *d)
{
	uint64_t began_ns = process_cpu_ns(), took_ns;

	if (d->worker > 0)
		loader_push_living(d->loader);
	loader_tick(d->loader);
	loader_push_health(d->loader);
	tell_descriptors(d);
	took_ns = process_cpu_ns() - began_ns;
	loop_timer_set(d->timer_fd, next_look_ns(took_ns));
}

static void say_ready(void)
{
	printf("weftd: ready\n");
	fflush(stdout);
	service_notify("READY=1\nSTATUS=ready");
}

/* The service has come up as far as systemd is concerned: it observes, and it puts the
 * configuration in force once that is valid. */
static void say_not_ready(const char *reason, const char *status)
{
	fprintf(stderr, "weftd: event=not_ready reason=\"%s\"\n", reason);
	service_notify(status);
}

/* Says it once each time that it changes. */
static void tell_state(struct weftd *d)
{
	enum loader_state state = loader_state(d->loader);

	if (state == d->told)
		return;
	d->told = state;
	switch (state) {
	case LOADER_STARTS:
		break;
	case LOADER_READY:
		say_ready();
		break;
	case LOADER_WAITS:
		say_not_ready("the configuration is not valid: what an earlier build put in force "
			      "stays",
			      "READY=1\nSTATUS=the configuration is not valid: what an earlier "
			      "build put in force stays");
		break;
	case LOADER_IDLE:
		say_not_ready("the configuration is not valid: nothing is in force",
			      "READY=1\nSTATUS=the configuration is not valid: nothing is in "
			      "force");
		break;
	}
	if (d->options.once) {
		d->stop = true;
		d->code = state == LOADER_READY ? 0 : 1;
	}
}

static void handle(struct weftd *d, int fd)
{
	if (fd == d->signal_fd) {
		handle_signals(d);
	} else if (fd == d->timer_fd) {
		if (loop_timer_due(fd))
			tick(d);
	} else if (fd == d->restart_fd) {
		if (loop_timer_due(fd))
			worker_start_again(d);
	} else if (fd == loader_fd(d->loader)) {
		loader_handle(d->loader);
		tell_state(d);
	} else if (d->worker > 0 && loader_answer(d->loader)) {
		epoll_ctl(d->epoll_fd, EPOLL_CTL_DEL, fd, NULL); /* SIGCHLD tells the rest */
	}
}

/* The service manager hears of this process while its loop runs and its worker reads the ring. */
static void show_life(struct weftd *d)
{
	uint64_t now_ns = process_now_ns();

	if (!d->watchdog_ns || now_ns < d->shown_ns + d->watchdog_ns ||
	    loader_worker_silent_ns(d->loader) > WORKER_SILENT_NS)
		return;
	service_notify("WATCHDOG=1");
	d->shown_ns = now_ns;
}

static void loop(struct weftd *d)
{
	struct epoll_event events[16];
	int wait_ms;

	d->watchdog_ns = service_watchdog_ns();
	wait_ms = d->watchdog_ns ? (int)(d->watchdog_ns / 1000000) + 1 : -1;
	while (!d->stop) {
		int n = epoll_wait(d->epoll_fd, events, 16, wait_ms);

		for (int i = 0; i < n && !d->stop; i++)
			handle(d, events[i].data.fd);
		show_life(d);
	}
}

static void sockets_close(struct weftd *d)
{
	bool listened = d->sockets.local_fd >= 0;

	serve_sockets_close(&d->sockets);
	if (listened)
		listen_unix_remove(d->options.socket_path);
}

/* Without a configuration the agent would take away, in silence, what the kernel enforces. */
static int spare_mesh(const struct options *o, struct error *err)
{
	if (o->config_dir || !o->pin_dir[0] || !mesh_read_decides(o->pin_dir))
		return 0;
	return error_set(err, -ENOTEMPTY,
			 "a mesh is in force below %s, and a start without --config would end it",
			 o->pin_dir);
}

/* What may fail before anything is touched: a second agent changes nothing of the first one's, and
 * a start that fails leaves nothing behind. */
static int claim(struct weftd *d, struct error *err)
{
	const struct options *o = &d->options;
	struct serve_options serve = {
		.listen = o->listen[0] ? o->listen : NULL,
		.socket_path = o->socket_path[0] ? o->socket_path : NULL,
	};
	int r = o->pin_dir[0] ? pin_lock_take(o->pin_dir, &d->lock, NULL, err) : 0;

	r = r ? r : spare_mesh(o, err);
	r = r ? r : serve_sockets_open(&serve, &d->sockets, err);
	return r ? r : sandbox_try(err);
}

/* What a container around the agent keeps from it. */
static void tell_limits(const struct weftd *d)
{
	struct container_limits limits;
	char cgroup_path[256] = "";

	mounts_find_cgroup2(cgroup_path, sizeof(cgroup_path), NULL);
	container_look(cgroup_path, d->options.pin_dir, &limits);
	for (int i = 0; i < CONTAINER_LIMIT_MAX; i++)
		if (limits.limited[i])
			fprintf(stderr, "weftd: %s\n", container_limit_text(i));
}

static void say_line(const char *line)
{
	fprintf(stderr, "weftd: %s\n", line);
}

static int start(struct weftd *d, struct error *err)
{
	int r;

	tell_limits(d);
	r = claim(d, err);
	r = r ? r : loader_new(&d->options, say_line, &d->loader, err);
	malloc_trim(0); /* loading took megabytes that neither half needs any more */
	r = r ? r : start_loop(d, err);
	r = r ? r : worker_start(d, err);
	r = r ? r : loader_begin(d->loader, err);
	if (!r && !loader_needs_admin(d->loader))
		r = rights_give_up(CAP_SYS_ADMIN, err);
	return r;
}

static void run(struct weftd *d)
{
	loader_push_living(d->loader);
	loader_push_health(d->loader);
	tell_state(d);
	loop(d);
	service_notify("STOPPING=1");
}

/* libbpf explains what failed in errors that we report ourselves: its own words only on request. */
static int print_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	if (!getenv("WEFT_DEBUG") || level == LIBBPF_DEBUG)
		return 0;
	return vfprintf(stderr, format, args);
}

static void explain(const struct options *o, const struct error *err)
{
	fprintf(stderr, "weftd: %s\n", err->text);
	if (err->code == -ENOTEMPTY)
		fprintf(stderr,
			"hint: start it with --config DIR, or take the mesh away with `weft "
			"detach --pin %s` first\n",
			o->pin_dir);
	if ((err->code == -EPERM || err->code == -EACCES) && geteuid() != 0)
		fprintf(stderr, "hint: start it as root, or with the capabilities that "
				"deploy/weftd.service names\n");
}

int main(int argc, char **argv)
{
	struct weftd d = {.sockets = {.tcp_fd = -1, .local_fd = -1}, .epoll_fd = -1, .argv = argv};
	struct error err = {0};
	int code = options_parse(argc, argv, &d.options);

	if (code >= 0)
		return code;
	if (worker_is(argv))
		return worker_main(&d.options);
	libbpf_set_print(print_libbpf);
	descriptors_raise();
	if (start(&d, &err)) {
		explain(&d.options, &err);
		d.code = 1;
	} else {
		run(&d);
	}
	worker_stop(&d);
	loader_free(d.loader);
	sockets_close(&d);
	pin_lock_free(d.lock);
	return d.code;
}
