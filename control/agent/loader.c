// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Connects the modules that attach; the worker gets everything it needs through control/ipc. */
#include "control/agent/loader.h"

#include "control/agent/check.h"
#include "control/agent/loader_health.h"
#include "control/agent/stack_questions.h"
#include "control/apply/config_io.h"
#include "control/agent/cgroup_resolver.h"

#include "base/cleanup.h"
#include "base/loop.h"
#include "base/process.h"
#include "datapath/attach/core/attach.h"
#include "datapath/attach/lifecycle.h"
#include "datapath/attach/mesh/revocation.h"
#include "datapath/attach/core/features.h"
#include "datapath/attach/net/flows.h"
#include "datapath/attach/net/interfaces.h"
#include "datapath/attach/tls/libraries.h"
#include "datapath/attach/mesh/lookups.h"
#include "datapath/attach/core/mounts.h"
#include "datapath/attach/mesh/owners.h"
#include "datapath/attach/mesh/redirect.h"
#include "datapath/attach/core/pins.h"
#include "datapath/attach/core/repin.h"
#include "datapath/attach/mesh/where.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_BYTES	   256
#define LOADER_BATCH_BYTES 32768	 /* of records sent in one message */
#define LOOKUPS_NS	   1000000000ull /* interval of the search for new network namespaces */
#define FLOW_IDLE_NS	   300000000000ull
#define FLOW_BUDGET_NS	   20000000 /* per call; the next call continues */

struct loader {
	struct repin repin;
	char repin_problem[256]; /* as it was logged last */
	struct options options;
	void (*say)(const char *line);
	struct attach *attach;
	struct libraries *libraries; /* NULL: TLS off, or not supported here */
	struct stack_questions stacks;
	char tls_problem[256];
	struct interfaces *interfaces; /* NULL: flows off, or not supported here */
	struct flows *flows;
	char flows_problem[256];
	struct redirect *redirect; /* NULL: nothing is accelerated */
	char redirect_problem[256];
	unsigned retired;	       /* maps of earlier builds that still have sockets */
	struct config_io *config_io;   /* NULL: no mesh */
	struct lookups *lookups;       /* NULL: SYNs denied at a server are dropped silently */
	uint64_t lookups_ns;	       /* time of the latest refresh */
	struct revocation *revocation; /* NULL: no mesh, or see revocation_problem */
	char revocation_problem[256];
	struct owners *owners; /* NULL: no mesh, or see owners_problem */
	char owners_problem[256];
	struct ipc *asked;			 /* NULL: there is no worker */
	struct ipc *worker;			 /* the same: it gets records */
	struct cgroup_resolver *cgroup_resolver; /* the same */
	struct features features;
	char cgroup_root[256];
	int statistics_fd; /* BPF statistics are on while it is open */
	int epoll_fd;
	struct loader_health health;
	char data[REQUEST_BYTES] __attribute__((aligned(8))); /* of a request */
};

/* ---- start */

static int start_attach(struct loader *l, struct error *err)
{
	const struct options *o = &l->options;
	struct attach_options options = {
		.pin_dir = o->pin_dir[0] ? o->pin_dir : NULL,
		.cgroup_path = l->cgroup_root,
		.ring_bytes = o->ring_bytes,
		.capture = !o->layer4_only,
		.tls_keys = !o->layer4_only && o->tls == TLS_MODE_KEYS,
		.redirect = o->accelerate_count > 0 || o->config_dir,
		.mesh = o->config_dir != NULL,
	};
	int r = mounts_find_cgroup2(l->cgroup_root, sizeof(l->cgroup_root), err);

	if (r)
		return r;
	if (o->statistics)
		l->statistics_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	return attach_load(&options, &l->attach, err);
}

/* Without this TLS is not decrypted; everything else works, and `weft check` shows the reason. */
static void start_libraries(struct loader *l)
{
	struct libraries_options options = {
		.derives = {attach_program(l->attach, PROGRAM_tls_keys_multi),
			    attach_program(l->attach, PROGRAM_tls_keys)},
		.logs = {attach_program(l->attach, PROGRAM_tls_log_multi),
			 attach_program(l->attach, PROGRAM_tls_log)},
		.mappings = {attach_program(l->attach, PROGRAM_code_mapped),
			     attach_map_fd(l->attach, "mapped_ring"),
			     attach_map_fd(l->attach, "mapped_lost")},
		.pin_dir = attach_link_dir(l->attach),
	};
	struct error err = {0};

	if (l->options.layer4_only || l->options.tls != TLS_MODE_KEYS) {
		snprintf(l->tls_problem, sizeof(l->tls_problem), "switched off");
		return;
	}
	if (!options.derives.multi && !options.derives.single) {
		snprintf(l->tls_problem, sizeof(l->tls_problem),
			 "this kernel does not load the probe for secrets");
		return;
	}
	if (libraries_new(&options, &l->libraries, &err)) {
		snprintf(l->tls_problem, sizeof(l->tls_problem), "%s", err.text);
		return;
	}
	l->stacks.files = libraries_stacks(l->libraries);
	libraries_scan(l->libraries);
}

/* Without this flows are not counted; everything else works. */
static int start_flows(struct loader *l, struct error *err)
{
	const struct options *o = &l->options;
	struct interfaces_options options = {
		.patterns = o->interfaces,
		.pattern_count = o->interface_count,
		.pin_dir = attach_link_dir(l->attach),
	};
	struct interfaces_programs programs = {
		attach_program(l->attach, PROGRAM_weft_tc_ingress),
		attach_program(l->attach, PROGRAM_weft_tc_egress),
		attach_program(l->attach, PROGRAM_weft_xdp),
	};
	int r = interfaces_xdp_mode_parse(o->xdp_mode, &options.xdp_mode);

	r = r ? r : interfaces_new(&options, &programs, &l->interfaces, err);
	return r ? r
		 : flows_new(attach_map_fd(l->attach, "weft_flows"), FLOW_IDLE_NS, &l->flows, err);
}

static void try_flows(struct loader *l)
{
	struct error err = {0};

	if (!l->options.flows)
		snprintf(l->flows_problem, sizeof(l->flows_problem), "switched off");
	else if (start_flows(l, &err))
		snprintf(l->flows_problem, sizeof(l->flows_problem), "%s", err.text);
}

/* Without this connections use TCP; everything else works. */
static void start_redirect(struct loader *l)
{
	const struct options *o = &l->options;
	struct error err = {0};

	l->retired = o->pin_dir[0] ? pins_sweep_retired(o->pin_dir) : 0;
	if (!o->accelerate_count)
		snprintf(l->redirect_problem, sizeof(l->redirect_problem), "not asked for");
	else if (redirect_new(l->attach, l->cgroup_root, &l->redirect, &err) ||
		 redirect_set(l->redirect, o->accelerate, o->accelerate_count, &err))
		snprintf(l->redirect_problem, sizeof(l->redirect_problem), "%s", err.text);
}

/* Services accelerated by the mesh, in addition to those of the command line. */
static int accelerate(void *arg, const struct weft_accel_key *keys, size_t count, struct error *err)
{
	struct loader *l = arg;
	const struct options *o = &l->options;
	size_t all = o->accelerate_count + count;
	struct redirect_service *services;
	int r = 0;

	if (!l->redirect && !count)
		return 0;
	if (all > REDIRECT_SERVICES_MAX)
		return error_set(err, -E2BIG, "at most %u addresses can be accelerated",
				 REDIRECT_SERVICES_MAX);
	services = calloc(all + 1, sizeof(*services));
	if (!services)
		return error_set(err, -ENOMEM, "no memory");
	memcpy(services, o->accelerate, o->accelerate_count * sizeof(*services));
	for (size_t i = 0; i < count; i++)
		services[o->accelerate_count + i].key = keys[i];
	if (!l->redirect)
		r = redirect_new(l->attach, l->cgroup_root, &l->redirect, err);
	r = r ? r : redirect_set(l->redirect, services, all, err);
	snprintf(l->redirect_problem, sizeof(l->redirect_problem), "%s", r ? err->text : "");
	free(services);
	return r;
}

static void refresh_lookups(struct loader *l)
{
	uint64_t now_ns = process_now_ns();

	if (!l->lookups || now_ns < l->lookups_ns + LOOKUPS_NS)
		return;
	l->lookups_ns = now_ns;
	lookups_refresh(l->lookups);
}

/* Also called once at the start, for the generation of an earlier agent. */
static void end_connections(void *arg)
{
	struct loader *l = arg;

	if (l->revocation)
		revocation_want(l->revocation, process_now_ns());
}

/* Updates holders before connections are examined. */
static void generation_changed(void *arg)
{
	struct loader *l = arg;

	if (l->owners)
		owners_look(l->owners, process_now_ns());
	end_connections(l);
}

/* Only after this build's other hooks are attached, which record the SYN owners. */
static void start_lookups(struct loader *l)
{
	struct error ignored;

	if (!lookups_new(l->attach, &l->lookups, &ignored))
		refresh_lookups(l);
}

/* Replaces the mesh of an earlier build by the generation that was just put in force. */
static int take_over(void *arg, struct error *err)
{
	struct loader *l = arg;
	int r = attach_take_over(l->attach, err);

	if (!r)
		start_lookups(l);
	return r;
}

/* Unlike other features this must work: the operator relies on the mesh. */
static int load_mesh(struct loader *l, struct error *err)
{
	struct config_io_options options = {
		.path = l->options.config_dir,
		.pin_dir = l->options.pin_dir[0] ? l->options.pin_dir : NULL,
		.attach = l->attach,
		.cgroup_root = l->cgroup_root,
		.accelerate = accelerate,
		.end_connections = generation_changed,
		.take_over = take_over,
		.arg = l,
		.say = l->say,
	};

	return l->options.config_dir ? config_io_new(&options, &l->config_io, err) : 0;
}

/* Optional parts: the mesh works without them, and `weft check` shows what is missing. */
static void start_mesh(struct loader *l)
{
	struct error err;

	if (!l->config_io)
		return;
	if (revocation_new(l->attach, &l->revocation, &err))
		snprintf(l->revocation_problem, sizeof(l->revocation_problem), "%s", err.text);
	if (owners_new(l->attach, &l->owners, &err))
		snprintf(l->owners_problem, sizeof(l->owners_problem), "%s", err.text);
	if (!attach_waits(l->attach))
		start_lookups(l);
}

static int load(struct loader *l, struct error *err)
{
	int r = start_attach(l, err);

	if (r)
		return r;
	l->epoll_fd = loop_new();
	if (l->epoll_fd < 0)
		return error_set(err, -errno, "cannot make an epoll descriptor: %s",
				 strerror(errno));
	r = load_mesh(l, err);
	return r || !l->config_io ? r : loop_watch(l->epoll_fd, config_io_fd(l->config_io));
}

int loader_begin(struct loader *l, struct error *err)
{
	int r = attach_begin(l->attach, err);

	if (r)
		return r;
	start_mesh(l);
	start_libraries(l);
	try_flows(l);
	start_redirect(l);
	if (l->revocation)
		loop_watch(l->epoll_fd, revocation_fd(l->revocation));
	if (l->owners) {
		loop_watch(l->epoll_fd, owners_timer_fd(l->owners));
		loop_watch(l->epoll_fd, owners_stir_fd(l->owners));
	}
	generation_changed(l);
	if (l->libraries)
		loop_watch(l->epoll_fd, libraries_fd(l->libraries));
	if (l->interfaces)
		loop_watch(l->epoll_fd, interfaces_fd(l->interfaces));
	return 0;
}

int loader_new(const struct options *options, void (*say)(const char *line), struct loader **ret,
	       struct error *err)
{
	struct loader *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return error_set(err, -ENOMEM, "no memory");
	l->options = *options;
	l->say = say;
	l->statistics_fd = l->epoll_fd = -1;
	r = load(l, err);
	if (r)
		loader_free(l);
	else
		*ret = l;
	return r;
}

void loader_free(struct loader *l)
{
	if (!l)
		return;
	if (l->libraries)
		libraries_free(l->libraries, l->options.pin_dir[0] != 0);
	config_io_free(l->config_io);
	revocation_free(l->revocation);
	owners_free(l->owners);
	lookups_free(l->lookups);
	flows_free(l->flows);
	interfaces_free(l->interfaces);
	redirect_free(l->redirect);
	attach_free(l->attach);
	cleanup_close_fd(&l->statistics_fd);
	cleanup_close_fd(&l->epoll_fd);
	free(l);
}

bool loader_needs_admin(const struct loader *l)
{
	return l->config_io || !uprobe_multi_supported();
}

enum loader_state loader_state(struct loader *l)
{
	switch (l->config_io ? config_io_state(l->config_io) : CONFIG_IO_IN_FORCE) {
	case CONFIG_IO_READS:
		return LOADER_STARTS;
	case CONFIG_IO_IN_FORCE:
		return LOADER_READY;
	case CONFIG_IO_NOTHING:
		break;
	}
	return attach_waits(l->attach) ? LOADER_WAITS : LOADER_IDLE;
}

struct worker_lent loader_lend(struct loader *l)
{
	return (struct worker_lent){.reader = attach_reader_maps(l->attach),
				    .mesh = l->config_io ? config_io_lend(l->config_io)
							 : MESH_LENT_NONE,
				    .adopted = attach_adopted(l->attach),
				    .earlier_build = attach_waits(l->attach)};
}

uint64_t loader_worker_silent_ns(const struct loader *l)
{
	return attach_heartbeat_age(l->attach, process_now_ns());
}

int loader_connect(struct loader *l, struct ipc_links *links, struct error *err)
{
	l->asked = &links->answers[IPC_LOADER];
	l->worker = &links->asks[IPC_WORKER];
	l->stacks.answers = links->stacks;
	if (l->config_io)
		config_io_connect(l->config_io, links);
	return cgroup_resolver_new(l->cgroup_root, &links->answers[IPC_RESOLVER],
				   &l->cgroup_resolver, err);
}

void loader_disconnect(struct loader *l)
{
	cgroup_resolver_free(l->cgroup_resolver);
	l->cgroup_resolver = NULL;
	l->asked = l->worker = NULL;
	l->stacks.answers = NULL;
	if (l->config_io)
		config_io_connect(l->config_io, NULL);
}

int loader_fd(const struct loader *l)
{
	return l->epoll_fd;
}

static void tell_ended(void *arg, const struct weft_verdict *v)
{
	struct loader *l = arg;

	if (l->worker)
		ipc_tell(l->worker, IPC_MESSAGE_RECORDS, v, sizeof(*v), -1);
}

void loader_push_health(struct loader *l)
{
	struct loader_health_parts parts = {.attach = l->attach,
					    .libraries = l->libraries,
					    .interfaces = l->interfaces,
					    .flows = l->flows,
					    .revocation = l->revocation,
					    .owners = l->owners};

	if (!l->worker)
		return;
	loader_health_fill(&parts, &l->health);
	snprintf(l->health.pins_problem, sizeof(l->health.pins_problem), "%s", l->repin.problem);
	ipc_tell(l->worker, IPC_MESSAGE_HEALTH, &l->health, sizeof(l->health), -1);
}

/* Whether walks had effects that were not reported yet. */
static bool has_news(const struct loader *l)
{
	const struct loader_health *h = &l->health;

	return (l->revocation &&
		(revocation_counts(l->revocation)->ended != h->revocation.ended ||
		 revocation_counts(l->revocation)->failed != h->revocation.failed)) ||
	       (l->owners && owners_counts(l->owners)->changes != h->owners.changes);
}

void loader_handle(struct loader *l)
{
	struct error err;

	if (l->libraries)
		libraries_handle(l->libraries);
	stack_questions_go_on(&l->stacks, process_now_ns());
	if (l->interfaces)
		interfaces_handle(l->interfaces,
				  &err); /* what failed is tried again at the next change */
	if (l->config_io)
		config_io_handle(l->config_io);
	if (l->owners && owners_handle(l->owners, process_now_ns()))
		end_connections(l);
	if (l->revocation)
		revocation_handle(l->revocation, process_now_ns(), tell_ended, l);
	if (has_news(l))
		loader_push_health(l);
}

static void repin(struct loader *l)
{
	if (!attach_repin(l->attach, &l->repin))
		return;
	if (l->config_io)
		config_io_repin(l->config_io, &l->repin);
	if (l->redirect)
		redirect_repin(l->redirect, &l->repin);
	if (l->libraries)
		libraries_repin(l->libraries, &l->repin);
	if (l->interfaces)
		l->repin.count += interfaces_repin(l->interfaces);
}

/* Logs what was found, once. */
static void look_at_pins(struct loader *l)
{
	unsigned before = l->repin.count;
	char line[1000];

	repin(l);
	if (l->repin.count > before) {
		snprintf(line, sizeof(line), "event=pins_restored count=%u directory=\"%.500s\"",
			 l->repin.count - before, l->options.pin_dir);
		l->say(line);
	}
	if (strcmp(l->repin.problem, l->repin_problem) != 0) {
		snprintf(l->repin_problem, sizeof(l->repin_problem), "%s", l->repin.problem);
		snprintf(line, sizeof(line), "event=pins_%s directory=\"%.500s\" reason=\"%s\"",
			 l->repin.problem[0] ? "missing" : "complete", l->options.pin_dir,
			 l->repin.problem);
		l->say(line);
	}
}

void loader_tick(struct loader *l)
{
	look_at_pins(l);
	if (l->config_io)
		config_io_tick(l->config_io);
	if (l->interfaces)
		interfaces_retry(l->interfaces);
	if (l->libraries)
		libraries_retry(l->libraries);
	refresh_lookups(l);
	if (l->flows)
		flows_read(l->flows, process_now_ns(), FLOW_BUDGET_NS, NULL, NULL);
	if (l->retired)
		l->retired = pins_sweep_retired(l->options.pin_dir);
}

/* ---- answers */

/* |r| is 0 or a negative errno. */
static void answer_with(struct loader *l, const struct ipc_request *request, int r,
			const void *data, size_t bytes)
{
	if (r)
		ipc_refuse(l->asked, request, r, NULL);
	else
		ipc_answer(l->asked, request, data, bytes, -1);
}

static void answer_check(struct loader *l, const struct ipc_request *request)
{
	struct text text = text_new(IPC_DATA_MAX);
	struct check check = {.attach = l->attach,
			      .libraries = l->libraries,
			      .tls_problem = l->tls_problem,
			      .interfaces = l->interfaces,
			      .flows_problem = l->flows_problem,
			      .redirect = l->redirect,
			      .redirect_problem = l->redirect_problem,
			      .features = &l->features,
			      .repin = attach_link_dir(l->attach) ? &l->repin : NULL,
			      .mesh = l->config_io != NULL,
			      .lookups = l->lookups,
			      .revocation = l->revocation,
			      .revocation_problem = l->revocation_problem,
			      .owners = l->owners,
			      .owners_problem = l->owners_problem};

	features_probe(&l->features);
	check_write(&check, &text);
	answer_with(l, request, 0, text.data ? text.data : "", text.used);
	text_free(&text);
}

static void answer_simulation(struct loader *l, const struct ipc_request *request)
{
	struct weft_simulation s;

	memcpy(&s, l->data, sizeof(s));
	answer_with(l, request, l->config_io ? config_io_simulate(l->config_io, &s) : -ENOTSUP, &s,
		    sizeof(s));
}

static void answer_explanation(struct loader *l, const struct ipc_request *request)
{
	struct weft_explanation e;

	memcpy(&e, l->data, sizeof(e));
	answer_with(l, request, l->config_io ? config_io_explain(l->config_io, &e) : -ENOTSUP, &e,
		    sizeof(e));
}

static void answer_where(struct loader *l, const struct ipc_request *request)
{
	static struct weft_place places[WHERE_PLACES_MAX];
	struct weft_where where;
	int count;

	memcpy(&where, l->data, sizeof(where));
	count = where_find(l->attach, &where, places);
	answer_with(l, request, count < 0 ? count : 0, places, (size_t)count * sizeof(places[0]));
}

int loader_answer(struct loader *l)
{
	struct ipc_request request;
	int r = ipc_receive(l->asked, &request, l->data, sizeof(l->data), NULL);

	if (r)
		return r == -EAGAIN ? 0 : -EPIPE;
	switch (request.message) {
	case IPC_MESSAGE_CHECK:
		answer_check(l, &request);
		break;
	case IPC_MESSAGE_SIMULATE:
		answer_simulation(l, &request);
		break;
	case IPC_MESSAGE_EXPLAIN:
		answer_explanation(l, &request);
		break;
	case IPC_MESSAGE_WHERE:
		answer_where(l, &request);
		break;
	case IPC_MESSAGE_END:
		end_connections(l);
		break;
	default: /* IPC_MESSAGE_STACK */
		stack_questions_take(&l->stacks, l->data, request.bytes, process_now_ns());
		break;
	}
	return 0;
}

struct batch {
	struct ipc *worker;
	size_t used;
	char data[LOADER_BATCH_BYTES];
};

static void batch_send(struct batch *batch)
{
	if (batch->used)
		ipc_tell(batch->worker, IPC_MESSAGE_RECORDS, batch->data, batch->used, -1);
	batch->used = 0;
}

static int batch_add(void *arg, void *record, size_t size_bytes)
{
	struct batch *batch = arg;

	if (batch->used + size_bytes > sizeof(batch->data))
		batch_send(batch);
	memcpy(batch->data + batch->used, record, size_bytes);
	batch->used += size_bytes;
	return 0;
}

void loader_push_living(struct loader *l)
{
	struct batch batch = {.worker = l->worker};

	attach_iterate(l->attach, batch_add, &batch);
	batch_send(&batch);
}
