// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Visits everything that attaches. */
#include "control/check.h"

#include "control/check_mesh.h"
#include "control/export/json.h"

#include "base/descriptors.h"
#include "datapath/attach/attach.h"
#include "datapath/attach/features.h"
#include "datapath/attach/interfaces.h"
#include "datapath/attach/libraries.h"
#include "datapath/attach/redirect.h"

#include <stdio.h>

static void write_program(void *arg, const struct attach_program *p)
{
	struct json *j = arg;

	json_put_object(j, NULL);
	json_put_string(j, "name", p->name);
	json_put_string(j, "hook", p->hook);
	json_put_string(j, "result", p->attached ? "ok" : "failed");
	json_put_bool(j, "adopted", p->adopted);
	json_put_string(j, "problem", p->problem);
	json_put_object_end(j);
}

static void write_library(void *arg, const struct library *library)
{
	static const char *const states[] = {"ok", "unsupported", "failed", "ok"};
	struct json *j = arg;

	json_put_object(j, NULL);
	json_put_string(j, "path", library->path);
	json_put_number(j, "pid", library->pid);
	if (library->program[0])
		json_put_string(j, "program", library->program);
	json_put_string(j, "result", states[library->state]);
	json_put_number(j, "offset", library->place.at.offsets[0]);
	json_put_string(j, "problem", library->reason);
	json_put_object_end(j);
}

static void write_interface(void *arg, const struct interface_report *report)
{
	struct json *j = arg;
	char mode[48];

	if (!report->chosen)
		return;
	snprintf(mode, sizeof(mode), "%s, in by %s, out by %s", report->kind,
		 interface_hook_text(report->ingress), interface_hook_text(report->egress));
	json_put_object(j, NULL);
	json_put_string(j, "name", report->name);
	json_put_string(j, "mode", mode);
	json_put_string(j, "result",
			report->problem[0]		    ? "failed"
			: report->ingress || report->egress ? "ok"
							    : "off");
	json_put_bool(j, "adopted", report->adopted);
	json_put_string(j, "problem", report->problem);
	json_put_object_end(j);
}

/* A feature that is missing is no failure: something else is done, or off. */
static void write_features(struct json *j, const struct features *features)
{
	for (size_t i = 0; i < FEATURE_MAX; i++) {
		const struct feature *f = &features->rows[i];

		json_put_object(j, NULL);
		json_put_string(j, "name", f->name);
		json_put_string(j, "result",
				f->state == FEATURE_YES ? "ok" : feature_state_text(f->state));
		json_put_string(j, "detail", f->reason);
		json_put_string(j, "consequence", f->state == FEATURE_YES ? "" : f->consequence);
		json_put_object_end(j);
	}
}

static void write_acceleration(struct json *j, const struct check *check)
{
	const struct redirect *r = check->redirect;

	json_put_object(j, "acceleration");
	json_put_string(j, "result", r ? "ok" : "off");
	json_put_number(j, "sockets", r ? redirect_sockets(r) : 0);
	json_put_string(j, "limits", r ? redirect_limits(r) : "");
	json_put_string(j, "problem", check->redirect_problem);
	json_put_object_end(j);
}

static void write_descriptors(struct json *j)
{
	struct descriptors d = descriptors_count();

	json_put_object(j, "descriptors");
	json_put_string(j, "result", descriptors_spare() ? "ok" : "failed");
	json_put_number(j, "used", d.used);
	json_put_number(j, "limit", d.limit);
	json_put_object_end(j);
}

void check_write(const struct check *check, struct text *out)
{
	struct json j = json_to(out);

	json_put_object(&j, NULL);
	json_put_array(&j, "programs");
	attach_visit_programs(check->attach, write_program, &j);
	json_put_array_end(&j);
	json_put_array(&j, "libraries");
	if (check->libraries)
		libraries_visit(check->libraries, write_library, &j);
	json_put_array_end(&j);
	json_put_string(&j, "tls_problem", check->tls_problem);
	json_put_array(&j, "interfaces");
	if (check->interfaces)
		interfaces_visit(check->interfaces, write_interface, &j);
	json_put_array_end(&j);
	json_put_string(&j, "flows_problem", check->flows_problem);
	write_descriptors(&j);
	write_acceleration(&j, check);
	check_mesh_write(&j, check);
	json_put_array(&j, "features");
	write_features(&j, check->features);
	json_put_array_end(&j);
	json_put_object_end(&j);
	json_put_line(&j);
}
