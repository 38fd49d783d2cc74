/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A connection by the names of its ends, and what policies say of it: by the kernel half where
 * there is one, else by the model. */
#pragma once

#include <linux/types.h>

#include "base/error.h"
#include "bpf/abi.h"
#include "datapath/attach/mesh/where.h"
#include "mesh-config/compile/compile.h"
#include "mesh-config/policy/explain.h"

/* The kernel half, that answers by what is in force. */
struct explain_kernel {
	const struct compile_names *names; /* of the mesh in question */
	/* Fills the answer in; 0 or a negative errno: then the model answers. */
	int (*ask)(void *arg, struct weft_explanation *explanation);
	/* Who is at an address of this node, as where_find (datapath/attach/mesh/where.h). */
	int (*where)(void *arg, const struct weft_where *where, struct weft_place *ret);
	void *arg;
};

/* What is known of the target's address. */
enum explained_target {
	EXPLAINED_MESH,	       /* whose it is, or that it is of no workload */
	EXPLAINED_FILES,       /* of none; a program may be one, which files do not say */
	EXPLAINED_LISTENERS,   /* of none; these listen there */
	EXPLAINED_NO_LISTENER, /* of none, but of this node; nothing listens there */
	EXPLAINED_ELSEWHERE,   /* of none, and not of this node */
};

/* Who listens at an address that is no workload's. */
struct explained_listener {
	struct weft_place place;
	struct explain_question pair;
	struct weft_policy_answer answer;
};

struct explained {
	uint16_t port;
	enum explained_target target;
	struct explain_question pair;	  /* of which |answer| speaks */
	struct weft_policy_answer answer; /* WEFT_ACTION_OPEN: it depends */
	bool differs;			  /* on which of several ends it is */
	bool several;			  /* denied: the source may be several workloads */
	struct explained_listener *listeners;
	size_t listener_count;
};

/* As explain_write. Free with explained_free, whatever it returns. */
int explain_find(const struct mesh *m, const struct explain_kernel *kernel, const char *from,
		 const char *to, const char *port, struct explained *ret, struct error *err);
void explained_free(struct explained *e);
