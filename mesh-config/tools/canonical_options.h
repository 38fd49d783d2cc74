/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How objects are written in canonical form, and what is told of what is not. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Something that was left out of an object. */
struct canonical_loss {
	const char *file;
	uint32_t line, column;
	const char *object; /* "VirtualService shop/cart" */
	const char *what;   /* "spec.http[0].retries"; "" the object itself */
	const char *why;
	bool kept;  /* it was not left out: that would weaken security, weft refuses it; no comment
		     * says so, as of nothing else that is refused */
	bool noise; /* of no meaning to a data plane: no comment says so */
};

struct canonical_options {
	/* Manifests of a cluster: comments and losses are told, Endpoints become EndpointSlices,
	 * routes whose conditions cannot be honoured are left out whole, and of objects with
	 * security that weft does not give nothing is left out, so that they are refused. */
	bool convert;
	void (*loss)(void *arg, const struct canonical_loss *loss); /* of |convert| */
	void *arg;
};
