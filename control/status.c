// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Collects the numbers of all parts; writes status and check as JSON. */
#include "control/status.h"

#include "control/agent.h"
#include "control/export/json.h"
#include "control/serve/serve.h"
#include "control/signals/signals.h"

#include "base/cleanup.h"
#include "base/version.h"
#include "datapath/attach/attach.h"
#include "datapath/attach/libraries.h"
#include "datapath/observe/observe.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

/* ---- the process */

static uint64_t resident_bytes(void)
{
	cleanup_fclose FILE *f = fopen("/proc/self/statm", "re");
	unsigned long total, resident;

	if (!f || fscanf(f, "%lu %lu", &total, &resident) != 2)
		return 0;
	return (uint64_t)resident * (uint64_t)getpagesize();
}

static uint32_t open_files(void)
{
	cleanup_closedir DIR *d = opendir("/proc/self/fd");
	uint32_t count = 0;

	while (d && readdir(d))
		count++;
	return count > 3 ? count - 3 : 0; /* ".", ".." and the directory itself */
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void refresh_process(const struct agent *agent, struct health *h)
{
	uint64_t age_ns = clock_ns(CLOCK_MONOTONIC) - agent->started_ns;

	h->version = WEFT_VERSION;
	h->process_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	h->process_resident_bytes = resident_bytes();
	h->process_open_fds = open_files();
	h->process_start_s = (clock_ns(CLOCK_REALTIME) - age_ns) / 1000000000u;
}

/* ---- the kernel half */

static void add_program(void *arg, const struct attach_program *p)
{
	struct health *h = arg;

	if (p->attached && h->program_count < HEALTH_PROGRAMS_MAX) {
		struct health_program *program = &h->programs[h->program_count++];

		snprintf(program->name, sizeof(program->name), "%s", p->name);
		program->runs = p->runs;
		program->run_ns = p->run_ns;
	}
	if (h->probe_count < HEALTH_PROBES_MAX) {
		struct health_probe *probe = &h->probes[h->probe_count++];

		snprintf(probe->name, sizeof(probe->name), "%s", p->name);
		probe->attached = p->attached;
	}
}

static void count_probed(void *arg, const struct library *library)
{
	uint32_t *count = arg;

	*count += library->state == LIBRARY_PROBED;
}

static void refresh_probes(const struct agent *agent, struct health *h)
{
	h->program_count = h->probe_count = 0;
	attach_visit_programs(agent->attach, add_program, h);
	if (agent->libraries && h->probe_count < HEALTH_PROBES_MAX) {
		struct health_probe *probe = &h->probes[h->probe_count++];

		*probe = (struct health_probe){ .name = "tls_keys" };
		libraries_visit(agent->libraries, count_probed, &probe->attached);
	}
}

void status_refresh(void *arg)
{
	struct agent *agent = arg;
	struct health *h = agent->health;

	attach_read_counters(agent->attach, h->kernel_lost, h->kernel_counts);
	h->observe = *observe_counts(agent->observe);
	h->reader_lost = serve_lost(agent->serve);
	refresh_process(agent, h);
	refresh_probes(agent, h);
	signals_set_health(agent->signals, h);
}

/* ---- status */

static uint64_t sum(const uint64_t *values, size_t count)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++)
		total += values[i];
	return total;
}

static void write_events(struct json *j, const struct health *h)
{
	const uint64_t *counts = h->kernel_counts;

	json_object(j, "events");
	json_number(j, "seen", counts[WEFT_COUNT_SEGMENTS_SEEN] + counts[WEFT_COUNT_MARKS_SEEN] +
				       counts[WEFT_COUNT_LIFECYCLE_SEEN] +
				       counts[WEFT_COUNT_SECRETS_SEEN]);
	json_number(j, "lost", sum(h->kernel_lost, WEFT_LOSS_MAX));
	json_number(j, "delivered", sum(h->observe.delivered, 8));
	json_object_end(j);
}

void status_write(void *arg, struct text *out)
{
	struct agent *agent = arg;
	struct health *h = agent->health;
	struct json j = json_to(out);

	status_refresh(agent);
	json_object(&j, NULL);
	json_string(&j, "version", WEFT_VERSION);
	json_bool(&j, "ready", agent->ready);
	json_number(&j, "uptime_ms", (clock_ns(CLOCK_MONOTONIC) - agent->started_ns) / 1000000u);
	json_bool(&j, "adopted", attach_adopted(agent->attach));
	json_string(&j, "listen", agent->options.listen);
	json_string(&j, "pin_dir", agent->options.pin_dir);
	json_string(&j, "tls", agent->libraries ? "keys" : "off");
	json_bool(&j, "layer7", !agent->options.layer4_only);
	write_events(&j, h);
	json_number(&j, "stale_records", agent->stale_records);
	json_number(&j, "requests_source", h->observe.requests[REPORTER_SOURCE]);
	json_number(&j, "requests_destination", h->observe.requests[REPORTER_DESTINATION]);
	json_number(&j, "connections", h->observe.connections);
	json_number(&j, "tls_connections", h->observe.tls_connections);
	json_number(&j, "tls_opened", h->observe.tls_opened);
	json_real(&j, "cpu_s", (double)h->process_cpu_ns / 1e9);
	json_number(&j, "resident_bytes", h->process_resident_bytes);
	json_object_end(&j);
	json_line(&j);
}

/* ---- check */

static void write_program(void *arg, const struct attach_program *p)
{
	struct json *j = arg;

	json_object(j, NULL);
	json_string(j, "name", p->name);
	json_string(j, "hook", p->hook);
	json_string(j, "result", p->attached ? "ok" : "failed");
	json_bool(j, "adopted", p->adopted);
	json_string(j, "problem", p->problem);
	json_object_end(j);
}

static void write_library(void *arg, const struct library *library)
{
	static const char *const states[] = { "ok", "unsupported", "failed" };
	struct json *j = arg;

	json_object(j, NULL);
	json_string(j, "path", library->path);
	json_number(j, "pid", library->pid);
	json_string(j, "result", states[library->state]);
	json_number(j, "offset", library->file_offset);
	json_string(j, "reason", library->reason);
	json_object_end(j);
}

void status_write_check(void *arg, struct text *out)
{
	struct agent *agent = arg;
	struct json j = json_to(out);

	json_object(&j, NULL);
	json_array(&j, "programs");
	attach_visit_programs(agent->attach, write_program, &j);
	json_array_end(&j);
	json_array(&j, "libraries");
	if (agent->libraries)
		libraries_visit(agent->libraries, write_library, &j);
	json_array_end(&j);
	json_string(&j, "tls_problem", agent->tls_problem);
	json_string(&j, "flows_problem", agent->flows_problem);
	json_object_end(&j);
	json_line(&j);
}
