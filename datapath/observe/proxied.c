// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Removes the PROXY protocol's header from the first bytes of a client, however they are
 * segmented. */
#include "datapath/observe/proxied.h"

#include "datapath/decode/proxy.h"

#include <stdlib.h>

/* A header that is being read: from its first byte until it has ended. */
struct proxied {
	uint64_t time_ns;    /* of the first byte */
	uint32_t step;	     /* of its feed */
	uint32_t left_bytes; /* read; so many bytes of it are to come */
	uint8_t have;	     /* of |bytes|, while it is not read */
	uint8_t bytes[PROXY_MAX_BYTES];
};

bool proxied_wants(const struct conn *c, unsigned side, const struct feed *f)
{
	if (side != SIDE_CLIENT || c->unsynced)
		return false;
	return c->proxied || (f->at == 1 && f->data);
}

void proxied_free(struct conn *c)
{
	free(c->proxied);
	c->proxied = NULL;
}

static void learn(struct conn *c, const struct proxy_header *h)
{
	struct endpoint *client = &c->ends[SIDE_CLIENT].address;
	struct endpoint *server = &c->ends[SIDE_SERVER].address;

	client->proxied = server->proxied = h->named;
	memcpy(client->proxied_addr, h->client_addr, sizeof(client->proxied_addr));
	memcpy(server->proxied_addr, h->server_addr, sizeof(server->proxied_addr));
	client->proxied_port = h->client_port;
	server->proxied_port = h->server_port;
}

/* The first |used| bytes are taken from |f|; false: there are no others. */
static bool take(struct feed *f, size_t used)
{
	f->at = feed_position(f, used);
	f->data = f->data ? f->data + used : NULL;
	f->size_bytes -= used;
	return f->size_bytes;
}

/* The bytes that were kept are no header: passes them on. */
static void replay(struct conn *c, uint64_t time_ns, const struct feed *rest, proxied_sink *sink)
{
	struct proxied p = *c->proxied;
	struct feed kept = {.data = p.bytes, .size_bytes = p.have, .at = 1, .step = p.step};

	proxied_free(c);
	sink(c, SIDE_CLIENT, &kept, p.time_ns);
	if (rest->size_bytes)
		sink(c, SIDE_CLIENT, rest, time_ns);
}

/* The header continues with |f|. */
static void go_on(struct conn *c, struct feed f, uint64_t time_ns, proxied_sink *sink)
{
	struct proxied *p = c->proxied;
	struct proxy_header header;
	enum proxy_result result;
	size_t before = p->have, taken = sizeof(p->bytes) - p->have;

	if (!f.data) {
		replay(c, time_ns, &f, sink);
		return;
	}
	if (taken > f.size_bytes)
		taken = f.size_bytes;
	memcpy(p->bytes + p->have, f.data, taken);
	p->have += taken;
	result = proxy_read(p->bytes, p->have, &header);
	if (result == PROXY_NONE) {
		take(&f, taken);
		replay(c, time_ns, &f, sink);
	} else if (result == PROXY_DONE) {
		learn(c, &header);
		p->left_bytes = header.size_bytes - (uint32_t)before;
	} else {
		take(&f, taken);
	}
	if (c->proxied && p->left_bytes)
		proxied_feed(c, SIDE_CLIENT, &f, time_ns, sink);
}

void proxied_feed(struct conn *c, unsigned side, const struct feed *f, uint64_t time_ns,
		  proxied_sink *sink)
{
	struct proxied *p = c->proxied;
	struct proxy_header header;
	struct feed rest = *f;
	size_t used;

	if (!p) {
		if (proxy_read(f->data, f->size_bytes, &header) != PROXY_NONE)
			c->proxied = p = calloc(1, sizeof(*p));
		if (!p) { /* no header, or no memory: then what follows is opaque */
			sink(c, side, f, time_ns);
			return;
		}
		p->time_ns = time_ns;
		p->step = f->step;
	}
	if (!p->left_bytes) {
		go_on(c, rest, time_ns, sink);
		return;
	}
	/* passes over the rest of a header that was read */
	used = f->size_bytes < p->left_bytes ? f->size_bytes : p->left_bytes;
	p->left_bytes -= (uint32_t)used;
	if (!p->left_bytes)
		proxied_free(c);
	if (take(&rest, used))
		sink(c, SIDE_CLIENT, &rest, time_ns);
}
